"""How much is stored, and what that costs in a month, roughly."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from mayfly_storage.domain.collections import Collections
    from mayfly_storage.domain.ports import AudioCatalog, Footprint
    from mayfly_storage.domain.pricing import Prices

_REST: Final = 100
"""A count is answered again for so many times as long as it took, so that counting stays a hundredth of the load."""


class SharedCount:
    """Counts what is stored: once for all who ask meanwhile, and not again before it has paid."""

    def __init__(self, catalog: AudioCatalog, now: Callable[[], datetime]) -> None:
        """Take what counts, and the clock."""
        self._catalog = catalog
        self._now = now
        self._counting = asyncio.Lock()
        self._counted: Mapping[str, Footprint] = {}
        self._fresh_until: datetime | None = None

    async def __call__(self) -> Mapping[str, Footprint]:
        """By collection; what changed since the last count may be missing."""
        async with self._counting:
            begun = self._now()
            if self._fresh_until is None or begun >= self._fresh_until:
                self._counted = await self._catalog.measure()
                ended = self._now()
                self._fresh_until = ended + _REST * (ended - begun)
            return self._counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What one collection holds."""

    collection: str
    stored: Footprint
    monthly_cost_micros: int
    """An estimate, in millionths of a US dollar."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GetUsage:
    """Tells what is stored."""

    count: SharedCount
    collections: Collections
    prices: Prices

    async def __call__(self, collection: str = "") -> list[Usage]:
        """Of one collection or of all that have audio, by name. Raises CollectionUnknownError."""
        if collection:
            self.collections.get(collection)
        counted = await self.count()
        return [self._usage(name, counted[name]) for name in sorted(counted) if collection in {"", name}]

    def _usage(self, name: str, stored: Footprint) -> Usage:
        known = self.collections.by_id.get(name)
        cost = self.prices.monthly_micros(stored, known.lifetime if known else None)
        return Usage(collection=name, stored=stored, monthly_cost_micros=cost)

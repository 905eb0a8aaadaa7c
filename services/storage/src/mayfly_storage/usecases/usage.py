"""How much is stored, and what that costs in a month, roughly."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from mayfly_storage.domain.collections import Collections
    from mayfly_storage.domain.ports import AudioCatalog, Footprint
    from mayfly_storage.domain.pricing import CostItem, Prices

_REST: Final = 100
"""A count is answered again for so many times as long as it took, so that counting stays a hundredth of the load."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """What was stored at some time, by collection."""

    time: datetime
    stored: Mapping[str, Footprint]


class SharedCount:
    """Counts what is stored: once for all who ask meanwhile, and not again before it has paid."""

    def __init__(self, catalog: AudioCatalog, now: Callable[[], datetime]) -> None:
        """Take what counts, and the clock."""
        self._catalog = catalog
        self._now = now
        self._counting = asyncio.Lock()
        self._fresh_until: datetime | None = None
        self.latest: Count | None = None
        """The last count, however old; None before the first."""

    async def __call__(self) -> Count:
        """What changed since the last count may be missing."""
        async with self._counting:
            begun = self._now()
            if self.latest is None or self._fresh_until is None or begun >= self._fresh_until:
                self.latest = Count(time=begun, stored=await self._catalog.measure())
                ended = self._now()
                self._fresh_until = ended + _REST * (ended - begun)
            return self.latest


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What one collection holds. Costs are estimates."""

    collection: str
    stored: Footprint
    costs: Mapping[CostItem, int] = field(default_factory=dict)
    """In millionths of a US dollar in a month."""
    object_cost_nanos: int = 0
    """Of one object of the mean size, in billionths of a US dollar."""

    @property
    def monthly_cost_micros(self) -> int:
        """All of it, in millionths of a US dollar in a month."""
        return sum(self.costs.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageReport:
    """What all collections that were asked for hold, and when that was counted."""

    count_time: datetime
    usage: tuple[Usage, ...]
    shared_costs: Mapping[CostItem, int] = field(default_factory=dict)
    """What is of no collection, in millionths of a US dollar in a month."""

    @property
    def monthly_cost_micros(self) -> int:
        """All of it, in millionths of a US dollar in a month."""
        return sum(each.monthly_cost_micros for each in self.usage) + sum(self.shared_costs.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class GetUsage:
    """Tells what is stored."""

    count: SharedCount
    collections: Collections
    prices: Prices

    async def __call__(self, collection: str = "") -> UsageReport:
        """Of one collection or of all that have audio, by name. Raises CollectionUnknownError."""
        if collection:
            self.collections.get(collection)
        return self._report(await self.count(), collection)

    @property
    def latest(self) -> UsageReport | None:
        """By the last count, however old; None before the first. Asks nobody."""
        return None if self.count.latest is None else self._report(self.count.latest, "")

    def _report(self, count: Count, collection: str) -> UsageReport:
        names = [name for name in sorted(count.stored) if collection in {"", name}]
        return UsageReport(
            count_time=count.time,
            usage=tuple(self._usage(name, count.stored[name]) for name in names),
            shared_costs={} if collection else self.prices.sweeping_micros(),
        )

    def _usage(self, name: str, stored: Footprint) -> Usage:
        known = self.collections.by_id.get(name)
        lifetime = known.lifetime if known else None
        return Usage(
            collection=name,
            stored=stored,
            costs=self.prices.monthly_micros(stored, lifetime),
            object_cost_nanos=self.prices.object_nanos(stored, lifetime),
        )

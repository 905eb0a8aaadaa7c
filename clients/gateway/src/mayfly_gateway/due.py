"""What a sweep would find now: a dry run, asked for once for all operators who look within a minute."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from mayfly_client import MayflyError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from mayfly_client import AsyncClient, SweepReport

_FRESH: Final = timedelta(minutes=1)
_BUDGET: Final = timedelta(seconds=20)


class DueNow:
    """Remembers the last look. A listing costs requests, and an operator's page is left open."""

    def __init__(self, mayfly: AsyncClient, now: Callable[[], datetime]) -> None:
        """Nobody has looked yet."""
        self._mayfly = mayfly
        self._now = now
        self._one_at_a_time = asyncio.Lock()
        self._looked: datetime | None = None
        self._found: SweepReport | None = None

    async def __call__(self) -> SweepReport | None:
        """The report of a dry run; None if the sweeper could not say."""
        async with self._one_at_a_time:
            if self._looked is None or self._now() - self._looked >= _FRESH:
                self._found = await self._look()
                self._looked = self._now()
            return self._found

    async def _look(self) -> SweepReport | None:
        try:
            begun = await self._mayfly.start_sweep(dry_run=True, time_budget=_BUDGET)
            async for sweep in self._mayfly.watch_sweep(begun.name, timeout=_BUDGET.total_seconds() * 2):
                begun = sweep
        except MayflyError:
            return None
        return begun.report if begun.end_time is not None and not begun.failure else None

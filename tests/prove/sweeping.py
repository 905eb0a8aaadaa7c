"""Sweeps on their schedule, and what goes wrong with them; never two in a row, for one is what the bound allows."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from mayfly_storage.domain.failpoints import Failpoint
from mayfly_storage.testing.reference import Crash
from tests.prove.sweepers import SweeperKilled, Sweepers

if TYPE_CHECKING:
    import random

    from mayfly_storage.testing.reference import Fuse
    from tests.prove.callers import Callers
    from tests.prove.ledger import Ledger
    from tests.prove.scenario import Scenario
    from tests.prove.site import Site

SKIPPED: Final = "a run that does not take place"
CRASH: Final = "storage dies under it"
KILLED: Final = "the sweeper is killed"
MOST_SWEEPERS: Final = 5
_SWEEP_POINTS: Final = [point for point in Failpoint if "W" not in point]
_LATEST_CALL: Final = 30
_RUSH: Final = 8
"""What callers do while several sweepers run."""


@dataclass
class Schedule:
    """Every run of the sweeper."""

    scenario: Scenario
    site: Site
    sweepers: Sweepers
    callers: Callers
    fuse: Fuse
    ledger: Ledger
    chance: random.Random
    was_troubled: bool = field(default=False)
    states: dict[str, int] = field(default_factory=dict)

    async def run(self) -> None:
        """One run: in peace, or in some trouble."""
        kinds = [SKIPPED, CRASH, KILLED, *self.site.errors.kinds]
        troubled = not self.was_troubled and self.chance.random() < self.scenario.trouble_share
        kind = self.chance.choice(kinds) if troubled else ""
        self.was_troubled = troubled
        if kind:
            self.ledger.tried[f"sweeps: {kind}"] += 1
        if kind == SKIPPED:
            return
        if kind in self.site.errors.kinds:
            self.site.errors.begin(kind)
        self.fuse.arm(self.chance.choice(_SWEEP_POINTS) if kind == CRASH else None)
        killed_at = self.chance.randrange(1, _LATEST_CALL) if kind == KILLED else None
        await self._sweep_side_by_side(killed_at=killed_at, under_load=kind != CRASH)
        if self.fuse.blown_at is not None:
            self.ledger.tried[f"crashes {self.fuse.blown_at} (in a sweep)"] += 1
        self.fuse.arm(None)
        self.site.errors.calm()
        self.ledger.lateness += [self.ledger.late(due, gone) for due, gone in self.sweepers.deleted]
        self.sweepers.deleted.clear()

    async def _sweep_side_by_side(self, *, killed_at: int | None, under_load: bool) -> None:
        """Up to five sweepers at once, every third time, while callers save and delete."""
        number = self.chance.randrange(2, MOST_SWEEPERS + 1) if self.chance.random() < 1 / 3 else 1
        self.ledger.tried["sweeps"] += number
        if number > 1:
            self.ledger.tried[f"sweeps: {number} at once"] += 1
        load = asyncio.create_task(self.callers.rush(_RUSH if number > 1 and under_load else 0))
        sweeps = [self.sweepers.sweep(killed_at=killed_at) for _ in range(number)]
        ended = await asyncio.gather(*sweeps, return_exceptions=True)
        await load
        for outcome in ended:
            if isinstance(outcome, Crash | SweeperKilled):
                continue
            if isinstance(outcome, BaseException):
                raise outcome
            self.states[outcome.state.value] = self.states.get(outcome.state.value, 0) + 1
            if outcome.report.still_there:
                self.ledger.tried["items that the store still had after it had said they were deleted"] += 1

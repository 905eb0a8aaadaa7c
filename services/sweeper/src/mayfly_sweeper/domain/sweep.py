"""A sweep: what it was asked, how far it is, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from mayfly_sweeper.domain.report import Report

if TYPE_CHECKING:
    from datetime import datetime, timedelta


class SweepState(StrEnum):
    """Where a sweep stands."""

    RUNNING = "RUNNING"

    CLEAN = "CLEAN"
    """Ended; every item had its outcome without a failure."""

    PARTIAL = "PARTIAL"
    """Ended; some items failed, or not everything was looked at. The next sweep tries again."""

    FAILED = "FAILED"
    """Could not run."""

    GUARDED = "GUARDED"
    """Stopped by a guard before anything was deleted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepOrder:
    """What a sweep is asked to do."""

    time_budget: timedelta
    """When this is used up, the sweep stops between two pages and ends as PARTIAL."""

    dry_run: bool = False
    """Only look: storage decides about each item and deletes nothing."""

    collection: str = ""
    """Only this collection; empty for all of them."""

    max_delete_count: int = 0
    """Guard: count first, and delete nothing if more than this is due. 0: no limit."""


class Phase(StrEnum):
    """What a sweep is doing."""

    COUNTING = "counting what is due"
    EXPIRED = "expired audio"
    ORPHANS = "orphans"


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a sweep is."""

    phase: Phase
    report: Report

    due: int | None = None
    """How many items are due, where that was counted before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a sweep ended."""

    state: SweepState
    report: Report

    failure: str = ""
    """What went wrong, for FAILED and GUARDED."""

    notes: tuple[str, ...] = ()
    """Why it is PARTIAL, and what a real run would have been stopped by: sentences for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """One sweep of a server, as it is now."""

    name: str
    """`sweeps/{uuid}`."""

    order: SweepOrder
    start_time: datetime
    state: SweepState = SweepState.RUNNING
    end_time: datetime | None = None
    report: Report = field(default_factory=Report)
    failure: str = ""
    notes: tuple[str, ...] = ()

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self.state is SweepState.RUNNING

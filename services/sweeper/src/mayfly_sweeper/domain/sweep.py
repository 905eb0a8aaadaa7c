"""A sweep: what it was asked, how far it is, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from mayfly_sweeper.domain.report import Report
from mayfly_sweeper.domain.selection import MAX_AGE, Passes, Selection

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime


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

    passes: Passes = Passes.ALL
    """What to look for."""

    selection: Selection = field(default_factory=Selection)
    """Which part of it."""

    max_delete_count: int = 0
    """Guard: count first, and delete nothing if more than this is due. 0: no limit."""

    max_delete_ratio: float = 0
    """Guard: count first, and delete nothing if more than this share of the objects is due. 0: no limit."""

    def problems(self) -> Iterator[tuple[str, str]]:
        """What cannot be meant so: names of fields, with what is allowed."""
        shard, ratio = self.selection.shard, self.max_delete_ratio
        if not 0 <= shard.index < shard.count:
            yield "shard", f"must be one of 0 to {shard.count - 1} of {shard.count}, got {shard.index} of {shard.count}"
        if not 0 <= ratio <= 1:
            yield "max_delete_ratio", f"must be from 0 to 1, got {ratio:g}"
        if ratio and self.passes is not Passes.ALL:
            yield "max_delete_ratio", "needs both passes: only the listing of objects tells how much is stored"
        if self.max_delete_count < 0:
            yield "max_delete_count", f"must not be negative, got {self.max_delete_count}"
        if not timedelta(0) <= self.selection.older_than <= MAX_AGE:
            yield "older_than", f"must be from 0 to {MAX_AGE.days:,} days, got {self.selection.older_than.days:,}"

    def limited(
        self, *, time_budget: timedelta | None, max_delete_count: int | None, max_delete_ratio: float | None
    ) -> SweepOrder:
        """The same with other limits, where they are given."""
        return replace(
            self,
            time_budget=self.time_budget if time_budget is None else time_budget,
            max_delete_count=self.max_delete_count if max_delete_count is None else max_delete_count,
            max_delete_ratio=self.max_delete_ratio if max_delete_ratio is None else max_delete_ratio,
        )

    @property
    def is_whole(self) -> bool:
        """Whether everything that is due is looked for."""
        return self.passes is Passes.ALL and self.selection.is_everything

    @property
    def counts_first(self) -> bool:
        """Whether a guard wants to know how much is due before anything is deleted."""
        return not self.dry_run and bool(self.max_delete_count or self.max_delete_ratio)


class Phase(StrEnum):
    """What a sweep is doing."""

    COUNTING = "counting what is due"
    PLANNED = "the plan"
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

    certificate: int = 0
    """Number of its certificate in the chain; 0 where it has none."""


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
    certificate: int = 0

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self.state is SweepState.RUNNING

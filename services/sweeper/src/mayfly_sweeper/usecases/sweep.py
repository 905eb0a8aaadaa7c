"""The one sweep engine: every door (command line, server) carries out this."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mayfly_sweeper.domain.errors import GuardTrippedError, StorageError
from mayfly_sweeper.domain.items import MAX_BATCH, Page, Scope
from mayfly_sweeper.domain.sweep import Ending, Phase, Progress, SweepOrder, SweepState
from mayfly_sweeper.domain.tally import Tally
from mayfly_sweeper.usecases.guards import check_clock_skew, check_delete_count
from mayfly_sweeper.usecases.pacing import FetchPage, Pace, Walk
from mayfly_sweeper.usecases.purging import Purger

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, timedelta

    from mayfly_sweeper.domain.ports import Retention

_log = logging.getLogger("mayfly.sweeper")


def _unseen(_: Progress) -> None:
    """Nobody watches."""


def _go_on() -> bool:
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepEngine:
    """Finds what is due, has it deleted and verified, and counts.

    Rows that are due first, orphans after. It goes on past a failed item, batch or listing, keeps no more than a page
    and a batch, and leaves every decision about an item to storage, where deletion is conditional: overlapping,
    repeated and interrupted sweeps are harmless.
    """

    retention: Retention
    now: Callable[[], datetime]
    monotonic: Callable[[], float]

    max_clock_skew: timedelta
    """A real sweep does not begin while the store's clock is further away from ours."""

    page_size: int = MAX_BATCH
    batch_size: int = MAX_BATCH

    async def __call__(
        self,
        order: SweepOrder,
        *,
        on_progress: Callable[[Progress], None] = _unseen,
        stop: Callable[[], bool] = _go_on,
    ) -> Ending:
        """Carry out one sweep. Failures of storage end up in the answer, not in an exception.

        Args:
            order: What to do.
            on_progress: Told after each page.
            stop: Asked between pages; once it says yes, the sweep ends as PARTIAL.
        """
        pace = Pace(budget=order.time_budget, monotonic=self.monotonic, stop=stop)
        return await _Run(self, order, pace, on_progress).carry_out()


class _Run:
    """One sweep under way."""

    def __init__(
        self, engine: SweepEngine, order: SweepOrder, pace: Pace, on_progress: Callable[[Progress], None]
    ) -> None:
        self._engine = engine
        self._order = order
        self._pace = pace
        self._on_progress = on_progress
        self._tally = Tally()
        self._purger = Purger(
            engine.retention,
            self._tally,
            dry_run=order.dry_run,
            batch_size=engine.batch_size,
            max_items=0 if order.dry_run else order.max_delete_count,
        )
        self._due: int | None = None
        self._notes: list[str] = []
        self._errors: list[StorageError] = []

    async def carry_out(self) -> Ending:
        """Count if a guard wants it, then both passes; what stops the one does not stop the other."""
        try:
            if self._counts_first and not await self._count():
                return self._ending(complete=False)
            expired = await self._pass(Phase.EXPIRED)
            orphans = await self._pass(Phase.ORPHANS)
        except GuardTrippedError as error:
            return Ending(state=SweepState.GUARDED, report=self._tally.report(), failure=str(error))
        return self._ending(complete=expired and orphans)

    @property
    def _counts_first(self) -> bool:
        return bool(self._order.max_delete_count) and not self._order.dry_run

    async def _count(self) -> bool:
        """Count what is due without touching it; whether all of it was counted, and so the guard is content."""
        due = 0
        for phase in (Phase.EXPIRED, Phase.ORPHANS):
            walk = self._walk(phase)
            try:
                while (page := await walk.next_page()) is not None:
                    self._check_clock(page)
                    due += sum(item.reason.is_purgeable for item in page.items)
                    check_delete_count(due=due, allowed=self._order.max_delete_count)
                    self._tell(Phase.COUNTING)
            except StorageError as error:
                self._unreadable(phase, error)
            if not walk.is_complete:
                self._note(walk.stopped_by)
                return False
        self._due = due
        return True

    async def _pass(self, phase: Phase) -> bool:
        """Work through one listing; whether it was read to its end."""
        walk = self._walk(phase)
        try:
            while not self._purger.is_full and (page := await walk.next_page()) is not None:
                self._check_clock(page)
                self._tally.page(page)
                await self._purger.add(page.items)
                self._tell(phase)
        except StorageError as error:
            self._unreadable(phase, error)
        await self._purger.flush()
        self._tell(phase)
        self._note(walk.stopped_by)
        return walk.is_complete and not self._purger.is_full

    def _walk(self, phase: Phase) -> Walk:
        retention = self._engine.retention
        fetch: FetchPage = retention.list_expired if phase is Phase.EXPIRED else retention.list_orphans
        scope = Scope(collection=self._order.collection, page_size=self._engine.page_size)
        return Walk(fetch, listing=phase.value, scope=scope, pace=self._pace)

    def _check_clock(self, page: Page) -> None:
        """Only the first page: what comes later is checked against the same two clocks."""
        if self._tally.store_time is not None:
            return
        self._tally.clock(page.store_time)
        try:
            check_clock_skew(store_time=page.store_time, now=self._engine.now(), allowed=self._engine.max_clock_skew)
        except GuardTrippedError as error:
            if not self._order.dry_run:
                raise
            self._note(f"A real sweep would be stopped: {error}")

    def _unreadable(self, phase: Phase, error: StorageError) -> None:
        _log.warning("listing_failed", extra={"listing": phase.value, "failure": str(error)})
        self._errors.append(error)
        self._note(f"The listing of {phase.value} was not read to its end: {error}")

    def _note(self, note: str) -> None:
        if note and note not in self._notes:
            self._notes.append(note)

    def _tell(self, phase: Phase) -> None:
        self._on_progress(Progress(phase=phase, report=self._tally.report(), due=self._due))

    def _ending(self, *, complete: bool) -> Ending:
        report = self._tally.report(listings_complete=complete)
        if self._errors and not self._tally.pages:
            return Ending(state=SweepState.FAILED, report=report, failure=str(self._errors[0]))
        if self._purger.is_full:
            self._note(f"More became due than max_delete_count allows ({self._order.max_delete_count}); it was left.")
        if self._order.dry_run and 0 < self._order.max_delete_count < report.deleted:
            self._note(f"A real sweep would be stopped: max_delete_count allows {self._order.max_delete_count}.")
        state = SweepState.CLEAN if report.is_clean else SweepState.PARTIAL
        return Ending(state=state, report=report, notes=tuple(self._notes))

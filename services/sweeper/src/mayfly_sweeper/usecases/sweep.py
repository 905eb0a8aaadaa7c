"""The one sweep engine: every door (command line, cron, Lambda, server) carries out this."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mayfly_sweeper.domain.errors import GuardTrippedError, StorageError
from mayfly_sweeper.domain.items import MAX_BATCH, DueItem, Page, PurgeResult, Scope
from mayfly_sweeper.domain.selection import Passes
from mayfly_sweeper.domain.sweep import Ending, Phase, Progress, SweepOrder, SweepState
from mayfly_sweeper.domain.tally import Tally
from mayfly_sweeper.usecases.guards import check_clock_skew, check_delete_count, check_delete_ratio
from mayfly_sweeper.usecases.pacing import FetchPage, Pace, Walk
from mayfly_sweeper.usecases.purging import OnResult, Purger

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime, timedelta

    from mayfly_sweeper.domain.ports import Retention

_log = logging.getLogger("mayfly.sweeper")

_PHASES = {
    Passes.ALL: (Phase.EXPIRED, Phase.ORPHANS),
    Passes.DUE: (Phase.EXPIRED,),
    Passes.ORPHANS: (Phase.ORPHANS,),
}


def unseen(_: Progress) -> None:
    """Nobody watches."""


def unheard(_item: DueItem, _result: PurgeResult) -> None:
    """Nobody wants to know of each item."""


async def _nothing_to_do() -> None:
    """Nobody waits for the end of a page."""


def go_on() -> bool:
    """Nobody wants it to stop."""
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
        plan: FetchPage | None = None,
        on_progress: Callable[[Progress], None] = unseen,
        on_result: OnResult = unheard,
        after_page: Callable[[], Awaitable[None]] = _nothing_to_do,
        stop: Callable[[], bool] = go_on,
    ) -> Ending:
        """Carry out one sweep. Failures of storage end up in the answer, not in an exception.

        Args:
            order: What to do.
            plan: Pages of exactly what to delete, instead of storage's listings. Storage decides about each item again,
                so what has changed since is left.
            on_progress: Told after each page.
            on_result: Told about each item, once it is known what became of it.
            after_page: Awaited after each page, for what cannot be done while an item is told.
            stop: Asked between pages; once it says yes, the sweep ends as PARTIAL.
        """
        pace = Pace(budget=order.time_budget, monotonic=self.monotonic, stop=stop)
        return await _Run(self, order, pace, plan, _Watch(on_progress, on_result, after_page)).carry_out()


@dataclass(frozen=True, slots=True)
class _Watch:
    """Who is told."""

    on_progress: Callable[[Progress], None]
    on_result: OnResult
    after_page: Callable[[], Awaitable[None]]


class _Run:
    """One sweep under way."""

    def __init__(
        self, engine: SweepEngine, order: SweepOrder, pace: Pace, plan: FetchPage | None, watch: _Watch
    ) -> None:
        self._engine = engine
        self._order = order
        self._pace = pace
        self._plan = plan
        self._watch = watch
        self._tally = Tally()
        self._purger = Purger(
            engine.retention,
            self._tally,
            dry_run=order.dry_run,
            batch_size=engine.batch_size,
            max_items=0 if order.dry_run else order.max_delete_count,
            on_result=watch.on_result,
        )
        self._due: int | None = None
        self._notes: list[str] = []
        self._errors: list[StorageError] = []

    async def carry_out(self) -> Ending:
        """Count if a guard wants it, then every pass; what stops the one does not stop the other."""
        try:
            if self._plan is not None and not await self._ask_the_clock():
                return self._ending(complete=False)
            if self._order.counts_first and not await self._count():
                return self._ending(complete=False)
            complete = [await self._pass(phase) for phase in self._phases]
        except GuardTrippedError as error:
            return Ending(state=SweepState.GUARDED, report=self._tally.report(), failure=str(error))
        return self._ending(complete=all(complete))

    @property
    def _phases(self) -> tuple[Phase, ...]:
        return (Phase.PLANNED,) if self._plan is not None else _PHASES[self._order.passes]

    async def _ask_the_clock(self) -> bool:
        """A plan tells the time at which it was made; what counts is the store's time now."""
        try:
            self._check_clock(await self._engine.retention.list_expired(Scope(page_size=1), ""))
        except StorageError as error:
            self._unreadable(Phase.PLANNED, error)
            return False
        return True

    async def _count(self) -> bool:
        """Count what is due without touching it; whether all of it was counted, and so the guards are content."""
        due, stored = 0, 0
        for phase in self._phases:
            walk = self._walk(phase)
            try:
                while (page := await walk.next_page()) is not None:
                    self._check_clock(page)
                    due += sum(item.reason.is_guarded for item in self._taken(page))
                    stored += page.objects_seen
                    if self._order.max_delete_count:
                        check_delete_count(due=due, allowed=self._order.max_delete_count)
                    self._tell(Phase.COUNTING)
            except StorageError as error:
                self._unreadable(phase, error)
            if not walk.is_complete:
                self._note(walk.stopped_by)
                return False
        if self._order.max_delete_ratio:
            due_of_all = due * self._order.selection.shard.count
            check_delete_ratio(due=due_of_all, stored=stored, allowed=self._order.max_delete_ratio)
        self._due = due
        return True

    async def _pass(self, phase: Phase) -> bool:
        """Work through one listing; whether it was read to its end."""
        walk = self._walk(phase)
        try:
            while not self._purger.is_full and (page := await walk.next_page()) is not None:
                self._check_clock(page)
                self._tally.page(page)
                await self._purger.add(self._taken(page))
                self._tell(phase)
                await self._watch.after_page()
        except StorageError as error:
            self._unreadable(phase, error)
        await self._purger.flush()
        self._tell(phase)
        self._note(walk.stopped_by)
        return walk.is_complete and not self._purger.is_full

    def _taken(self, page: Page) -> list[DueItem]:
        if self._plan is not None:
            return list(page.items)
        return [item for item in page.items if self._order.selection.takes(item, page.store_time)]

    def _walk(self, phase: Phase) -> Walk:
        retention, selection = self._engine.retention, self._order.selection
        listings = {Phase.EXPIRED: retention.list_expired, Phase.ORPHANS: retention.list_orphans}
        scope = Scope(
            collection=selection.collection,
            shard=selection.shard,
            due_before=self._engine.now() - selection.older_than if selection.older_than else None,
            page_size=self._engine.page_size,
        )
        return Walk(self._plan or listings[phase], listing=phase.value, scope=scope, pace=self._pace)

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
        self._watch.on_progress(Progress(phase=phase, report=self._tally.report(), due=self._due))

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

"""The counting of a sweep while it runs. Its size does not depend on how much is found."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from mayfly_sweeper.domain.items import DueItem, DueReason, Outcome, Page, PurgeResult
from mayfly_sweeper.domain.report import Line, Report

if TYPE_CHECKING:
    from collections.abc import Iterable


class Tally:
    """Counts pages, outcomes and verdicts; `report` answers what was counted so far."""

    def __init__(self) -> None:
        self.pages = 0
        self._outcomes: dict[DueReason, Counter[Outcome]] = {}
        self._sizes: Counter[DueReason] = Counter()
        self._stores: Counter[str] = Counter()
        self._objects_seen = 0
        self._verified_gone = 0
        self._still_there = 0
        self._unverified = 0
        self.store_time: datetime | None = None
        self._oldest: datetime | None = None
        self._max_lateness = timedelta(0)

    def page(self, page: Page) -> None:
        """Count a page that was listed."""
        self.pages += 1
        self._objects_seen += page.objects_seen
        seen = [time for time in (self._oldest, page.oldest_object_time) if time is not None]
        self._oldest = min(seen, default=None)

    def clock(self, store_time: datetime) -> None:
        """Keep the store's own clock of the first listing."""
        self.store_time = self.store_time or store_time

    def left(self, items: Iterable[DueItem]) -> None:
        """Count items that a sweep reports and never touches."""
        for item in items:
            self.result(item, PurgeResult(outcome=Outcome.SKIPPED))

    def result(self, item: DueItem, result: PurgeResult) -> None:
        """Count what happened to an item."""
        self._outcomes.setdefault(item.reason, Counter())[result.outcome] += 1
        if result.outcome is Outcome.DELETED:
            self._sizes[item.reason] += result.size_bytes
            self._stores[item.location] += 1

    def late(self, item: DueItem, deleted_at: datetime) -> None:
        """Keep the greatest lateness; both times are the store's."""
        if item.due_time is not None:
            self._max_lateness = max(self._max_lateness, deleted_at - item.due_time)

    def verified(self, *, gone: int = 0, still_there: int = 0, unverified: int = 0) -> None:
        """Count what the store itself said about deleted items."""
        self._verified_gone += gone
        self._still_there += still_there
        self._unverified += unverified

    def report(self, *, listings_complete: bool = False) -> Report:
        """What was counted so far."""
        return Report(
            lines=tuple(self._line(reason) for reason in DueReason if reason in self._outcomes),
            deleted_by_store=dict(self._stores),
            objects_seen=self._objects_seen,
            verified_gone=self._verified_gone,
            still_there=self._still_there,
            unverified=self._unverified,
            store_time=self.store_time,
            oldest_object_time=self._oldest,
            listings_complete=listings_complete,
            max_lateness=self._max_lateness,
        )

    def _line(self, reason: DueReason) -> Line:
        outcomes = self._outcomes[reason]
        return Line(
            reason=reason,
            found=outcomes.total(),
            deleted=outcomes[Outcome.DELETED],
            already_gone=outcomes[Outcome.ALREADY_GONE],
            skipped=outcomes[Outcome.SKIPPED],
            failed=outcomes[Outcome.FAILED],
            size_bytes=self._sizes[reason],
        )

"""Deleting in batches, and asking the store itself whether it is true."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final, TypeAlias

from mayfly_sweeper.domain.errors import StorageError
from mayfly_sweeper.domain.items import DueItem, Outcome, PurgeAnswer, PurgeResult, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mayfly_sweeper.domain.ports import Retention
    from mayfly_sweeper.domain.tally import Tally

OnResult: TypeAlias = Callable[[DueItem, PurgeResult], None]

_log = logging.getLogger("mayfly.sweeper")

_EVENTS: Final = {
    Outcome.DELETED: (logging.DEBUG, "item_deleted"),
    Outcome.ALREADY_GONE: (logging.DEBUG, "item_already_gone"),
    Outcome.SKIPPED: (logging.DEBUG, "item_skipped"),
    Outcome.FAILED: (logging.WARNING, "item_failed"),
}


class Purger:
    """Gathers items and has them deleted and verified batch by batch.

    It holds less than one batch and one page at a time. A batch that fails is counted and logged, item by item, and
    the next one is tried: deletions are conditional and idempotent, so a later sweep finds what was left.
    """

    def __init__(
        self,
        retention: Retention,
        tally: Tally,
        *,
        dry_run: bool,
        batch_size: int,
        on_result: OnResult,
        max_items: int = 0,
    ) -> None:
        """Take what a sweep has.

        Args:
            retention: Where to delete.
            tally: Where to count.
            dry_run: Decide and count only.
            batch_size: Items of one call.
            on_result: Told about each item, once it is known what became of it.
            max_items: Most items to touch; 0: no limit. More of them may become due after they were counted.
        """
        self._retention = retention
        self._tally = tally
        self._dry_run = dry_run
        self._batch_size = batch_size
        self._on_result = on_result
        self._room = max_items or None
        self._waiting: list[DueItem] = []
        self.is_full = False

    async def add(self, items: Iterable[DueItem]) -> None:
        """Take items of a page, and delete as many whole batches as there are."""
        for item in items:
            if not item.reason.is_purgeable:
                self._leave(item)
            elif self._room == 0 and item.reason.is_guarded:
                self.is_full = True
            else:
                if self._room and item.reason.is_guarded:
                    self._room -= 1
                self._waiting.append(item)
        while len(self._waiting) >= self._batch_size:
            batch, self._waiting = self._waiting[: self._batch_size], self._waiting[self._batch_size :]
            await self._purge(batch)

    async def flush(self) -> None:
        """Delete what still waits for a batch to fill."""
        batch, self._waiting = self._waiting, []
        if batch:
            await self._purge(batch)

    def _leave(self, item: DueItem) -> None:
        _log.warning("item_reported", extra={"item": item.label, "reason": item.reason.value})
        self._tally.left([item])
        self._on_result(item, PurgeResult(outcome=Outcome.SKIPPED))

    async def _purge(self, batch: Sequence[DueItem]) -> None:
        try:
            answer = await self._retention.purge(batch, validate_only=self._dry_run)
        except StorageError as error:
            self._count(batch, [PurgeResult(outcome=Outcome.FAILED, failure=str(error))] * len(batch))
            return
        if self._dry_run:
            self._count(batch, answer.results)
        else:
            await self._verify(batch, answer)

    async def _verify(self, batch: Sequence[DueItem], answer: PurgeAnswer) -> None:
        pairs = list(zip(batch, answer.results, strict=True))
        deleted = [item for item, result in pairs if result.outcome is Outcome.DELETED]
        verdicts = iter(await self._verdicts(deleted))
        seen = [
            _as_seen(result, next(verdicts)) if result.outcome is Outcome.DELETED else result for _, result in pairs
        ]
        self._count(batch, seen)
        for item, result in zip(batch, seen, strict=True):
            if result.outcome is Outcome.DELETED:
                self._tally.late(item, answer.store_time)

    async def _verdicts(self, deleted: Sequence[DueItem]) -> Sequence[Verdict | None]:
        """What the store says about each; None where it could not be asked."""
        if not deleted:
            return ()
        try:
            verdicts = await self._retention.verify_gone(deleted)
        except StorageError as error:
            _log.warning("verification_failed", extra={"items": len(deleted), "failure": str(error)})
            self._tally.verified(unverified=len(deleted))
            return [None] * len(deleted)
        gone = sum(verdict.is_gone for verdict in verdicts)
        self._tally.verified(gone=gone, still_there=len(verdicts) - gone)
        return verdicts

    def _count(self, batch: Sequence[DueItem], results: Sequence[PurgeResult]) -> None:
        for item, result in zip(batch, results, strict=True):
            self._tally.result(item, result)
            self._on_result(item, result)
            level, event = _EVENTS[result.outcome]
            if _log.isEnabledFor(level):
                _log.log(level, event, extra=_fields(item, result))


def _fields(item: DueItem, result: PurgeResult) -> dict[str, str]:
    fields = {"item": item.label, "reason": item.reason.value}
    return {**fields, "failure": result.failure} if result.failure else fields


def _as_seen(result: PurgeResult, verdict: Verdict | None) -> PurgeResult:
    """Nothing that is still there is counted as deleted, whoever said so."""
    if verdict is None:
        return result
    if verdict.is_gone:
        return replace(result, verified=True)
    return replace(result, outcome=Outcome.FAILED, failure="STILL_THERE")

"""Storage's retention service in memory, obeying the contract, with faults on demand."""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from mayfly_sweeper.domain.certificate import Certificate, CertificatePage, StoreFacts
from mayfly_sweeper.domain.errors import CertificateConflictError, StorageError
from mayfly_sweeper.domain.items import (
    MAX_BATCH,
    DueItem,
    DueReason,
    Outcome,
    Page,
    PurgeAnswer,
    PurgeResult,
    Scope,
    Verdict,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_ROWS = (DueReason.EXPIRED, DueReason.ABANDONED, DueReason.UNFINISHED, DueReason.REQUESTED)


@dataclass(slots=True)
class Faults:
    """What goes wrong. Everything is empty at first."""

    calls: dict[tuple[str, int], StorageError] = field(default_factory=dict)
    """Errors by method and number of the call, from 1: `("purge", 2)`."""

    items: dict[str, str] = field(default_factory=dict)
    """Items that cannot be deleted, with storage's reason."""

    survivors: set[str] = field(default_factory=set)
    """Items that storage says it deleted and that the store keeps."""

    stuck_listings: bool = False
    """Whether every page names itself as the next one."""


class FakeRetention:
    """What is due, and what is live, in memory. Keys of items are their labels."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        """Begin empty.

        Args:
            now: The store's own clock.
        """
        self.now = now
        self.faults = Faults()
        self.calls: list[str] = []
        self.before_call: Callable[[str], None] = lambda _method: None
        self.certificates: list[Certificate] = []
        self._appended: dict[str, Certificate] = {}
        self.store = StoreFacts(backend="fake", bucket="fake", region="")
        self._due: dict[str, DueItem] = {}
        self._live: set[str] = set()

    def add(self, label: str, *, reason: DueReason = DueReason.EXPIRED, late: float = 60, **fields: Any) -> DueItem:
        """Add something that has been due for `late` seconds."""
        key = {"name": label, "object_key": f"key/{label}"} if reason in _ROWS else {"object_key": label}
        due_time = self.now() - timedelta(seconds=late)
        facts = {"due_time": due_time, "size_bytes": 100, "collection": "temp-audio", **key, **fields}
        item = DueItem(reason=reason, **facts)
        self._due[label] = item
        return item

    def revive(self, label: str) -> None:
        """Make an item live: the listing still shows it, and a purge must leave it."""
        self._live.add(label)

    def add_live_object(self, key: str) -> None:
        """Add an object that no sweep may touch, and that a listing of objects looks at."""
        self._live.add(key)

    @property
    def left(self) -> set[str]:
        """Labels of what is still there, live or due."""
        return {*self._due, *self._live}

    async def list_expired(self, scope: Scope, page_token: str) -> Page:
        """Rows that are due, longest due first."""
        self._begin("list_expired")
        return self._page([item for item in self._listed(scope) if item.reason in _ROWS], scope, page_token)

    async def list_orphans(self, scope: Scope, page_token: str) -> Page:
        """A page of objects was looked at; only the orphans among them are answered."""
        self._begin("list_orphans")
        orphans = [item for item in self._listed(scope) if item.reason not in _ROWS]
        live = [DueItem(reason=DueReason.UNKNOWN, object_key=key) for key in self._live - {*self._due}]
        page = self._page([*orphans, *live], scope, page_token)
        found = tuple(item for item in page.items if item.label in self._due)
        return replace(page, items=found, objects_seen=len(page.items))

    async def purge(self, items: Sequence[DueItem], *, validate_only: bool) -> PurgeAnswer:
        """Delete what is still due."""
        assert 1 <= len(items) <= MAX_BATCH
        self._begin("purge")
        results = tuple(self._purge_one(item, validate_only=validate_only) for item in items)
        return PurgeAnswer(results=results, store_time=self.now())

    async def verify_gone(self, items: Sequence[DueItem]) -> tuple[Verdict, ...]:
        """Look again."""
        assert 1 <= len(items) <= MAX_BATCH
        self._begin("verify_gone")
        return tuple(
            Verdict(object_gone=item.label not in self.faults.survivors, row_gone=item.label not in self._due)
            for item in items
        )

    async def describe_store(self) -> StoreFacts:
        """What the test said it is."""
        self._begin("describe_store")
        return self.store

    async def append(self, body: bytes, *, previous_sha256: bytes, request_id: str) -> Certificate:
        """Add to the chain; what the same request added before is answered again."""
        self._begin("append")
        if request_id in self._appended:
            return self._appended[request_id]
        newest = self.certificates[-1] if self.certificates else None
        if previous_sha256 != (newest.sha256 if newest else b""):
            raise CertificateConflictError
        added = Certificate(
            sequence=len(self.certificates) + 1,
            body=body,
            sha256=hashlib.sha256(body).digest(),
            previous_sha256=previous_sha256,
            create_time=self.now(),
        )
        self.certificates.append(added)
        self._appended[request_id] = added
        return added

    async def newest(self, *, page_size: int, page_token: str) -> CertificatePage:
        """From the end of the chain."""
        self._begin("newest")
        before = int(page_token or len(self.certificates) + 1)
        shown = tuple(one for one in reversed(self.certificates) if one.sequence < before)[:page_size]
        more = bool(shown) and shown[-1].sequence > 1
        return CertificatePage(certificates=shown, next_page_token=str(shown[-1].sequence) if more else "")

    def _begin(self, method: str) -> None:
        self.before_call(method)
        self.calls.append(method)
        if error := self.faults.calls.get((method, self.calls.count(method))):
            raise error

    def _listed(self, scope: Scope) -> list[DueItem]:
        return [
            item
            for item in self._due.values()
            if scope.collection in ("", item.collection)
            and zlib.crc32(item.label.encode()) % scope.shard.count == scope.shard.index
            and (scope.due_before is None or item.reason not in _ROWS or _was_due(item, scope.due_before))
        ]

    def _page(self, items: Sequence[DueItem], scope: Scope, token: str) -> Page:
        # A token names the last item and not a count: deleting behind it must not shift the pages that follow.
        ordered = sorted(((_position(item), item) for item in items), key=itemgetter(0))
        after = [pair for pair in ordered if self.faults.stuck_listings or pair[0] > token]
        shown, more = after[: scope.page_size], len(after) > scope.page_size
        next_token = "stuck" if self.faults.stuck_listings else shown[-1][0] if more else ""
        return Page(items=tuple(item for _, item in shown), store_time=self.now(), next_page_token=next_token)

    def _purge_one(self, item: DueItem, *, validate_only: bool) -> PurgeResult:
        if item.label in self._live:
            return PurgeResult(outcome=Outcome.SKIPPED)
        if item.label not in self._due:
            return PurgeResult(outcome=Outcome.ALREADY_GONE)
        if failure := self.faults.items.get(item.label):
            return PurgeResult(outcome=Outcome.FAILED, failure=failure)
        if not validate_only:
            del self._due[item.label]
        return PurgeResult(outcome=Outcome.DELETED, size_bytes=item.size_bytes)


def _was_due(item: DueItem, by: datetime) -> bool:
    return item.due_time is not None and item.due_time <= by


def _position(item: DueItem) -> str:
    return f"{item.due_time.isoformat() if item.due_time else ''}/{item.label}"

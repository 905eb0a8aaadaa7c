"""Uploads in parts that nobody will end: found by listing, and aborted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mayfly_storage.domain.audio import State
from mayfly_storage.domain.retention import DueItem, DueReason, PurgeOutcome, PurgeResult
from mayfly_storage.usecases.ownership import find_owners

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from mayfly_storage.domain.audio import Audio, Location
    from mayfly_storage.domain.collections import Collections
    from mayfly_storage.domain.parts import OpenUpload
    from mayfly_storage.domain.ports import AudioCatalog, Shard
    from mayfly_storage.domain.stores import Stores
    from mayfly_storage.domain.timing import Timing

_LIVE = PurgeResult(outcome=PurgeOutcome.SKIPPED, message="It is live, or not due yet.")
_FAILED = PurgeResult(outcome=PurgeOutcome.FAILED, message="Parts of it are still there; the next sweep goes on.")


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepUploads:
    """Finds uploads in parts that nobody will end, and aborts them."""

    catalog: AudioCatalog
    stores: Stores
    collections: Collections
    timing: Timing
    now: Callable[[], datetime]

    async def page(
        self, location: Location, prefix: str, *, shard: Shard, limit: int, cursor: str
    ) -> tuple[list[DueItem], str, datetime]:
        """Those of one page that belong to nobody, the cursor of the next, and the store's clock."""
        parts = self.stores.by_location[location].parts
        if parts is None:
            return [], "", self.now()
        page = await parts.list_uploads(prefix, limit=limit, cursor=cursor)
        latest = page.store_time - self.timing.multipart_grace
        old = [each for each in page.uploads if each.begin_time <= latest and shard.holds(each.key)]
        owners = await self._owners([each.key for each in old])
        lost = [each for each in old if each.key in owners and self._is_lost(owners[each.key])]
        return [self._item(location, each) for each in lost], page.cursor, page.store_time

    async def purge(self, items: Sequence[DueItem], *, validate_only: bool) -> dict[tuple[str, str], PurgeResult]:
        """A result for each, by key and upload; decided on the rows as they are now."""
        owners = await self._owners([item.object_key for item in items])
        results: dict[tuple[str, str], PurgeResult] = {}
        for item in items:
            lost = item.object_key in owners and self._is_lost(owners[item.object_key])
            results[_place(item)] = await self._abort(item, validate_only=validate_only) if lost else _LIVE
        return results

    async def open_among(self, items: Sequence[DueItem]) -> set[tuple[str, str]]:
        """Those that the store still has, by key and upload."""
        found = set()
        for item in items:
            parts = self.stores.by_location[item.location].parts
            if parts is not None and await parts.is_open(item.object_key, item.multipart_upload_id):
                found.add(_place(item))
        return found

    async def _abort(self, item: DueItem, *, validate_only: bool) -> PurgeResult:
        parts = self.stores.by_location[item.location].parts
        if parts is None or validate_only:
            return PurgeResult(outcome=PurgeOutcome.DELETED)
        if not await parts.is_open(item.object_key, item.multipart_upload_id):
            return PurgeResult(outcome=PurgeOutcome.ALREADY_GONE)
        gone = await parts.abort(item.object_key, item.multipart_upload_id)
        return PurgeResult(outcome=PurgeOutcome.DELETED) if gone else _FAILED

    async def _owners(self, keys: Sequence[str]) -> dict[str, Audio | None]:
        return await find_owners(self.catalog, self.collections, keys)

    def _is_lost(self, row: Audio | None) -> bool:
        """Whether no part of it may be needed, or land, any more. Rows are read after the uploads were listed."""
        if row is None:
            return True
        return row.state is not State.PENDING and self.now() >= self.timing.settled_time(row)

    def _item(self, location: Location, upload: OpenUpload) -> DueItem:
        collection = self.collections.of_key(upload.key)
        return DueItem(
            name=None,
            location=location,
            object_key=upload.key,
            reason=DueReason.ORPHAN_MULTIPART,
            collection=collection.id if collection else "",
            multipart_upload_id=upload.upload_id,
            due_time=upload.begin_time + self.timing.multipart_grace,
        )


def _place(item: DueItem) -> tuple[str, str]:
    return item.object_key, item.multipart_upload_id

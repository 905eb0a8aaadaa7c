"""From the requests of RetentionService to what the use cases take. All problems of a request are told at once.

Every function raises InvalidRequestError.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mayfly_storage.domain.audio import Location
from mayfly_storage.domain.keys import MAX_KEY_BYTES
from mayfly_storage.domain.ports import Shard
from mayfly_storage.domain.retention import DueItem, DueReason
from mayfly_storage.transport.enums import DUE_REASON_OF, LOCATION_OF
from mayfly_storage.transport.form import Form
from mayfly_storage.transport.new_audio import MAX_COLLECTION_LENGTH

if TYPE_CHECKING:
    from datetime import datetime

    from mayfly.storage.v1 import retention_service_pb2 as pb

PAGE_SIZE: Final = 1_000
_OF_ROWS: Final = {
    DueReason.EXPIRED,
    DueReason.ABANDONED,
    DueReason.UNFINISHED,
    DueReason.DANGLING_ROW,
    DueReason.REQUESTED,
}
_MAX_ETAG_LENGTH: Final = 1_024


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What to look for: which collection, which share of it, and how much at once."""

    collection: str
    shard: Shard
    limit: int


def list_expired(request: pb.ListExpiredRequest) -> tuple[Search, datetime | None]:
    """Where to look, and until when at the latest it must have been due."""
    form = Form()
    before = form.timestamp("due_before", request.due_before) if request.HasField("due_before") else None
    search = _search(form, request)
    form.done()
    return search, before


def list_orphans(request: pb.ListOrphansRequest) -> Search:
    """Where to look."""
    form = Form()
    search = _search(form, request)
    form.done()
    return search


def _search(form: Form, request: pb.ListExpiredRequest | pb.ListOrphansRequest) -> Search:
    return Search(
        collection=form.text("collection", request.collection, longest=MAX_COLLECTION_LENGTH),
        shard=_shard(form.within("shard"), request.shard) if request.HasField("shard") else Shard(),
        limit=form.page_size(request.page_size, default=PAGE_SIZE, largest=PAGE_SIZE),
    )


def _shard(form: Form, message: pb.Shard) -> Shard:
    form.require(message.count >= 1, "count", f"is required: at least 1; it is {message.count}")
    form.require(
        0 <= message.index < max(1, message.count), "index", f"must be from 0 to count - 1; it is {message.index}"
    )
    return Shard(index=message.index, count=max(1, message.count))


def items(request: pb.PurgeAudioRequest | pb.VerifyGoneRequest) -> list[DueItem]:
    """What has to go, as a listing said it."""
    form = Form()
    form.batch("items", request.items)
    form.done()  # before thousands of items are looked at
    found = [_item(form.within(f"items[{index}]"), item) for index, item in enumerate(request.items)]
    form.done()
    return found


def _item(form: Form, message: pb.DueItem) -> DueItem:
    location, reason = LOCATION_OF.get(message.location), DUE_REASON_OF.get(message.reason)
    form.require(location is not None, "location", f"must be that of the listed item; it is {message.location}")
    form.require(reason is not None, "reason", f"must be that of the listed item; it is {message.reason}")
    form.require(bool(message.name) or reason not in _OF_ROWS, "name", f"must be that of the listed row, for {reason}")
    # A tombstone that gave its key back has a name alone.
    found = bool(message.object_key or message.name)
    form.require(found, "object_key", "must be that of the listed item; it is empty")
    return DueItem(
        name=form.audio_name("name", message.name) if message.name else None,
        location=location or Location.LOCAL,
        object_key=form.text("object_key", message.object_key, longest=MAX_KEY_BYTES),
        reason=reason or DueReason.EXPIRED,
        collection=form.text("collection", message.collection, longest=MAX_COLLECTION_LENGTH),
        etag=form.text("etag", message.etag, longest=_MAX_ETAG_LENGTH),
        multipart_upload_id=form.text("multipart_upload_id", message.multipart_upload_id, longest=_MAX_ETAG_LENGTH),
        size_bytes=form.not_negative("size_bytes", message.size_bytes),
        due_time=form.timestamp("due_time", message.due_time) if message.HasField("due_time") else None,
    )

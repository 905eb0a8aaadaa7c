"""What a fake storage does with audio that is there: moves its end, forgets people, counts."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from mayfly.storage.v1 import storage_service_pb2 as pb

from mayfly_client._fake.kinds import kind_of
from mayfly_client._fake.refusal import invalid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from mayfly_client._fake.shelf import Item, Shelf

CHUNK_BYTES = 65_536


def retain(shelf: Shelf, request: pb.RetainAudioRequest, now: Callable[[], datetime]) -> Item:
    """Move an end, never past the limit."""
    item = shelf.get(request.name)
    asked = _asked(request, now())
    latest = item.create_time + item.kind.lifetime if item.kind.lifetime else asked
    return shelf.move(item.name, min(asked, latest))


def _asked(request: pb.RetainAudioRequest, now: datetime) -> datetime:
    kind = request.WhichOneof("expiration")
    if kind is None:
        raise invalid("expiration", "is required: an expire_time or a ttl")
    if kind == "expire_time":
        asked = request.expire_time.ToDatetime(tzinfo=now.tzinfo)
        if asked <= now:
            raise invalid("expire_time", "must be in the future")
        return asked
    if request.ttl.ToTimedelta().total_seconds() < 1:
        raise invalid("ttl", "must be at least 1 s")
    return now + request.ttl.ToTimedelta()


def forget(shelf: Shelf, request: pb.ForgetSubjectRequest) -> list[str]:
    """Delete what belongs to a person; answers the names."""
    if not request.subject.WhichOneof("subject"):
        raise invalid("subject", "is required: whose audio to delete")
    return [name for name in shelf.names_of(request.subject) if shelf.delete(name)]


def usage(shelf: Shelf, collection: str) -> list[pb.GetUsageResponse.Usage]:
    """Count by collection. Nothing costs anything in a fake."""
    if collection:
        kind_of(collection, field="collection")
    objects: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    for item in shelf.readable():
        objects[item.kind.id] += 1
        sizes[item.kind.id] += item.size_bytes
    return [
        pb.GetUsageResponse.Usage(collection=each, objects=objects[each], size_bytes=sizes[each])
        for each in sorted(objects)
        if collection in {"", each}
    ]


def chunks(shelf: Shelf, request: pb.DownloadAudioRequest) -> Iterator[bytes]:
    """The bytes that were asked for, while the audio can be read."""
    if request.offset_bytes < 0 or request.limit_bytes < 0:
        raise invalid("offset_bytes" if request.offset_bytes < 0 else "limit_bytes", "must not be negative")
    data = shelf.get(request.name).data or b""
    end = min(len(data), request.offset_bytes + (request.limit_bytes or len(data)))
    for start in range(request.offset_bytes, end, CHUNK_BYTES):
        shelf.get(request.name)
        yield data[start : min(start + CHUNK_BYTES, end)]

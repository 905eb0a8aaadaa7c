"""What a fake storage keeps: rows and bytes in a dictionary, with the states of the real protocol."""

from __future__ import annotations

import hashlib
import re
import threading
import uuid
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import grpc

from mayfly_client._fake.kinds import MAX_SIZE_BYTES, Kind, kind_of
from mayfly_client._fake.refusal import Refusal, invalid, not_found

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from mayfly.storage.v1 import audio_pb2

UPLOAD_LIFETIME = timedelta(minutes=2)
# Longer than any collection keeps anything, and yet a date of the calendar.
_LONGEST = timedelta(days=365_000)
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


@dataclass(frozen=True, kw_only=True)
class Item:
    """One row, with its bytes once they have come."""

    name: str
    kind: Kind
    object_key: str
    new: audio_pb2.NewAudio
    size_bytes: int
    sha256: bytes
    create_time: datetime
    expire_time: datetime | None
    attempt: str
    ready: bool = False
    data: bytes | None = field(default=None, repr=False)

    @property
    def audio_id(self) -> str:
        """The last part of the name."""
        return self.name.rpartition("/")[2]

    def readable(self, now: datetime) -> bool:
        """Whether callers may see it."""
        return self.ready and (self.expire_time is None or now < self.expire_time)

    @property
    def due_time(self) -> datetime:
        """When a sweep may take it; for one that is due."""
        return self.expire_time if self.ready and self.expire_time else self.create_time + UPLOAD_LIFETIME

    def due(self, now: datetime) -> str | None:
        """Why a sweep would take it; None if it would not."""
        if not self.ready:
            return "ABANDONED" if now >= self.create_time + UPLOAD_LIFETIME else None
        return None if self.readable(now) else "EXPIRED"


class Shelf:
    """All rows. Safe to use from any thread."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._items: dict[str, Item] = {}
        self._requests: dict[str, tuple[bytes, str]] = {}
        self._committed: set[str] = set()
        self._deleted: list[Item] = []
        self._lock = threading.RLock()

    def reserve(self, request_id: str, new: audio_pb2.NewAudio, size_bytes: int, sha256: bytes) -> Item:
        """First step: a row, or the row of the same request."""
        kind = self._checked(request_id, new, size_bytes)
        with self._lock:
            payload = new.SerializeToString(deterministic=True) + sha256
            if (before := self._made_before(request_id, payload)) is not None:
                return before
            item = self._new_item(kind, new, size_bytes, sha256)
            self._items[item.name] = item
            self._requests[request_id] = (payload, item.name)
            return item

    def put(self, audio_id: str, attempt: str, data: bytes) -> int:
        """Second step; answers the HTTP status of the PUT."""
        with self._lock:
            item = next((each for each in self._items.values() if each.audio_id == audio_id), None)
            if item is None or item.attempt != attempt:
                return 403
            if item.data is not None:
                return 412
            if len(data) != item.size_bytes:
                return 400
            self._items[item.name] = replace(item, data=data)
            return 200

    def commit(self, name: str, attempt: str) -> Item:
        """Last step: verify and make readable."""
        with self._lock:
            item = self._items.get(name)
            if item is None:
                raise not_found(name)
            if item.attempt != attempt:
                raise _fenced(name)
            if item.data is None:
                raise _precondition("UPLOAD_INCOMPLETE", f"nothing lies at the key of {name} yet", {"name": name})
            if (actual := hashlib.sha256(item.data).digest()) != item.sha256:
                del self._items[name]
                raise _mismatch(item.sha256.hex(), actual.hex())
            self._items[name] = ready = replace(item, ready=True)
            self._committed.add(name)
            if not ready.readable(self._now()):
                raise _lifetime_over(ready)
            return ready

    def abandon(self, name: str, attempt: str) -> None:
        """Give an upload up."""
        with self._lock:
            item = self._items.get(name)
            if item is None:
                return
            if item.ready or item.attempt != attempt:
                raise _fenced(name)
            del self._items[name]

    def get(self, name: str) -> Item:
        """A readable row."""
        if not name:
            raise invalid("name", "is required; e.g. audio/2025-12-08/f47ac10b-58cc-4372-a567-0e02b2c3d479")
        with self._lock:
            item = self._items.get(name)
        if item is None or not item.readable(self._now()):
            raise not_found(name)
        return item

    def readable(self) -> list[Item]:
        """All readable rows, by name."""
        now = self._now()
        with self._lock:
            return sorted((each for each in self._items.values() if each.readable(now)), key=lambda each: each.name)

    def due(self) -> list[tuple[str, Item]]:
        """What a sweep would take, with its reason."""
        now = self._now()
        with self._lock:
            return [(reason, each) for each in self._items.values() if (reason := each.due(now))]

    def move(self, name: str, expire_time: datetime) -> Item:
        """Give a row another end."""
        with self._lock:
            self._items[name] = replace(self._items[name], expire_time=expire_time)
            return self._items[name]

    def names_of(self, subject: audio_pb2.Subject) -> list[str]:
        """The rows of a person, uploads under way included."""
        with self._lock:
            return sorted(each.name for each in self._items.values() if each.new.subject == subject)

    def remove(self, name: str) -> None:
        """Delete a row and its bytes."""
        with self._lock:
            self._items.pop(name, None)

    def delete(self, name: str) -> bool:
        """The same at a caller's wish, for the next sweep to certify; False if there was none."""
        with self._lock:
            item = self._items.pop(name, None)
            self._deleted += [item] if item is not None else []
            return item is not None

    def deleted(self, *, forget: bool) -> list[Item]:
        """What callers have deleted, and no sweep has certified so far."""
        with self._lock:
            items = list(self._deleted)
            if forget:
                self._deleted.clear()
            return items

    def _checked(self, request_id: str, new: audio_pb2.NewAudio, size_bytes: int) -> Kind:
        check_request_id(request_id)
        kind = kind_of(new.collection)
        if not new.content_type:
            raise invalid("audio.content_type", "is required; e.g. audio/wav")
        if new.content_type not in kind.content_types:
            raise _argument(
                "CONTENT_TYPE_NOT_ALLOWED",
                f"{kind.id} does not take {new.content_type}",
                {"content_type": new.content_type, "allowed": ", ".join(kind.content_types), "collection": kind.id},
            )
        if size_bytes < 1:
            raise invalid("size_bytes", "is required; at least 1")
        if size_bytes > MAX_SIZE_BYTES:
            raise _argument(
                "AUDIO_TOO_LARGE",
                f"{size_bytes} bytes are more than {kind.id} takes",
                {"size_bytes": str(size_bytes), "max_size_bytes": str(MAX_SIZE_BYTES), "collection": kind.id},
            )
        return kind

    def _made_before(self, request_id: str, payload: bytes) -> Item | None:
        """The row of the same request; None if there is none, or if it was given up and begins again."""
        earlier, name = self._requests.get(request_id, (payload, ""))
        if earlier != payload:
            raise Refusal(
                code=grpc.StatusCode.ALREADY_EXISTS,
                reason="IDEMPOTENCY_KEY_REUSED",
                message="the request_id was used before, for a different request",
                metadata={"request_id": request_id},
            )
        item = self._items.get(name)
        if item is not None and item.due(self._now()) is None:
            return item
        if name in self._committed:
            message = "the request_id belongs to an audio that is gone"
            raise _precondition("REQUEST_EXPIRED", message, {"request_id": request_id})
        self._items.pop(name, None)
        return None

    def _new_item(self, kind: Kind, new: audio_pb2.NewAudio, size_bytes: int, sha256: bytes) -> Item:
        now, audio_id = self._now(), str(uuid.uuid4())
        user = {"user_id": new.subject.user_id} if new.subject.user_id else {}
        given = {"date": f"{now:%Y-%m-%d}", "audio_id": audio_id, "timestamp": f"{now:%Y%m%dT%H%M%SZ}", **user}
        key = kind.object_key(new.key_fields, {**given, "content_type": new.content_type})
        if any(each.object_key == key for each in self._items.values()):
            raise Refusal(
                code=grpc.StatusCode.ALREADY_EXISTS,
                reason="OBJECT_KEY_TAKEN",
                message=f"another audio holds the key {key}",
                metadata={"object_key": key},
            )
        return Item(
            name=f"audio/{now:%Y-%m-%d}/{audio_id}",
            kind=kind,
            object_key=key,
            new=new,
            size_bytes=size_bytes,
            sha256=sha256,
            create_time=now,
            expire_time=_expire_time(kind, new, now),
            attempt=uuid.uuid4().hex,
        )


def check_request_id(request_id: str) -> None:
    """Refuse what is no UUID with hyphens."""
    if not _UUID.fullmatch(request_id):
        raise invalid("request_id", "is required, and must be a UUID like 0b1f2c3d-0000-4000-8000-000000000000")


def _expire_time(kind: Kind, new: audio_pb2.NewAudio, now: datetime) -> datetime | None:
    latest = now + kind.lifetime if kind.lifetime else None
    asked: datetime | None = None
    if new.HasField("ttl"):
        if new.ttl.ToTimedelta() < timedelta(seconds=1):
            raise invalid("audio.ttl", "must be at least 1 s")
        asked = now + min(new.ttl.ToTimedelta(), _LONGEST)
    elif new.HasField("expire_time"):
        asked = new.expire_time.ToDatetime(tzinfo=now.tzinfo)
        if asked <= now:
            raise invalid("audio.expire_time", "must not be in the past")
    return min((each for each in (latest, asked) if each is not None), default=None)


def _argument(reason: str, message: str, metadata: Mapping[str, str]) -> Refusal:
    return Refusal(code=grpc.StatusCode.INVALID_ARGUMENT, reason=reason, message=message, metadata=metadata)


def _precondition(reason: str, message: str, metadata: Mapping[str, str]) -> Refusal:
    return Refusal(code=grpc.StatusCode.FAILED_PRECONDITION, reason=reason, message=message, metadata=metadata)


def _fenced(name: str) -> Refusal:
    return Refusal(
        code=grpc.StatusCode.ABORTED,
        reason="UPLOAD_FENCED",
        message=f"the upload of {name} is not this attempt's any more",
        metadata={"name": name},
    )


def _lifetime_over(item: Item) -> Refusal:
    metadata = {"name": item.name, "expire_time": f"{item.expire_time:%Y-%m-%dT%H:%M:%SZ}"}
    return _precondition(
        "LIFETIME_OVER", f"the lifetime of {item.name} ended before its upload was committed", metadata
    )


def _mismatch(expected: str, actual: str) -> Refusal:
    metadata = {"field": "sha256", "expected": expected, "actual": actual}
    return _precondition("CONTENT_MISMATCH", "what arrived is not what was announced", metadata)

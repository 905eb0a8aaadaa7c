"""Audio: one stored object and its row, and the states that it goes through."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple, Self

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta
    from uuid import UUID

_NAME = re.compile(r"audio/(\d{4}-\d{2}-\d{2})/([0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12})")


class State(StrEnum):
    """(none) -> PENDING -> READY -> DELETING -> (none)."""

    PENDING = "PENDING"
    READY = "READY"
    DELETING = "DELETING"


class Location(StrEnum):
    """Which store holds the bytes."""

    LOCAL = "LOCAL"
    S3 = "S3"
    MIRROR = "MIRROR"
    """The second bucket of a migration. No row says so: what lies there are copies."""


class AudioName(NamedTuple):
    """`audio/{date}/{audio_id}`: the catalog's two keys in one opaque string.

    A tuple, because a batch looks a thousand of them up several times each: tuples hash without running Python.
    """

    date: str
    audio_id: str

    @classmethod
    def new(cls, created: datetime, audio_id: UUID) -> Self:
        """Name an audio by the UTC day of its creation and a UUID v4."""
        return cls(created.astimezone(UTC).date().isoformat(), str(audio_id))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a name. Raises ValueError for anything else, with what a name looks like."""
        match = _NAME.fullmatch(text)
        if match is None or not _is_day(match[1]):
            msg = "must be a name as storage gave it: audio/{YYYY-MM-DD}/{UUID v4 in lower case}"
            raise ValueError(msg)
        return cls(match[1], match[2])

    def __str__(self) -> str:
        return f"audio/{self.date}/{self.audio_id}"


@lru_cache(maxsize=64)
def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Lease:
    """Who alone may delete what lies at a key that the caller chose, and until when."""

    holder: str
    """A token of one eraser's one try."""
    end: datetime
    """Later than the store takes a delete that was signed under it: others may take the next lease from here on."""

    def has_ended(self, now: datetime) -> bool:
        """Whether another eraser may take over."""
        return now >= self.end


@dataclass(frozen=True, slots=True, kw_only=True)
class Audio:
    """A row of the catalog. `text` and `owner` leave it at D1; the states' meaning is in docs/architecture.md."""

    name: AudioName
    collection: str
    state: State
    location: Location
    object_key: str
    """Empty for a tombstone that has given back the key, which its caller chose: what lies there is another's."""
    content_type: str
    size_bytes: int
    """Declared while PENDING, verified since READY."""
    sha256: bytes
    attempt: str
    """Fencing token: only the holder of the row's attempt can commit it."""
    create_time: datetime
    upload_deadline: datetime
    """A PUT may start until here; it is the base of every grace period."""
    expire_time: datetime | None
    """None: kept until deleted."""
    etag: str | None = None
    """The store's identity of the written object, known since READY; a delete can name it."""
    delete_time: datetime | None = None
    """When D1 happened."""
    bytes_gone: bool = False
    """D3 was seen: what remains is a tombstone that waits for late PUTs."""
    claims_key: bool = False
    """The key was chosen by the caller, and is held by a key claim."""
    lease: Lease | None = None
    """Of an eraser, on a DELETING row at a chosen key."""
    upload_id: str = ""
    """Of the upload in parts that was begun for it, and that a delete has to abort; empty since READY."""
    duration: timedelta | None = None
    voice: str = ""
    text: str = field(default="", repr=False)
    user_id: str = ""
    owner: str = ""
    """Whose audio it is: `user:{id}`, `guest:{keyed hash}` or nobody's."""
    ip_address: str = field(default="", repr=False)
    """What is kept of a guest's address: by default a keyed hash that changes every day."""
    writer: str = ""
    """Name of the calling service."""
    key_fields: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)

    def is_readable(self, now: datetime) -> bool:
        """Every read path asks this, so that an expired audio is gone for callers before any sweep."""
        return self.state is State.READY and not self.is_expired(now)

    def is_expired(self, now: datetime) -> bool:
        """Whether `expire_time` has come."""
        return has_ended(self.expire_time, now)

    @property
    def version(self) -> tuple[State, str, datetime | None]:
        """What tells whether a row is still the one that was read: every transition changes it, and nothing else."""
        return self.state, self.attempt, self.expire_time

    def ready(self, *, etag: str, location: Location | None = None) -> Audio:
        """The row after W3; `location` where the bytes came to lie in another store than was meant."""
        return replace(self, state=State.READY, etag=etag, location=location or self.location, upload_id="")

    def tombstone(self, now: datetime, lease: Lease | None = None) -> Audio:
        """The row after D1: nothing personal is left in it. At a chosen key, an eraser has the lease from here on."""
        return replace(
            self,
            state=State.DELETING,
            delete_time=now,
            lease=lease if self.claims_key else None,
            text="",
            owner="",
            ip_address="",
        )

    @property
    def holds_key(self) -> bool:
        """Whether a claim keeps its key from others; an eraser of such a row needs the lease."""
        return self.claims_key and bool(self.object_key)

    def deleted_as(self, given: Audio, now: datetime, lease: Lease | None) -> Audio | None:
        """This row after D1 by an eraser that has read it as `given`; None if it may not."""
        if self.version != given.version:
            return None
        if self.state is not State.DELETING:
            return self.tombstone(now, lease)
        if lease is None or not self.holds_key or self.lease == lease:
            return self
        return replace(self, lease=lease) if self.lease is None or self.lease.has_ended(now) else None

    def is_tombstone_of(self, given: Audio) -> bool:
        """Whether this row is the tombstone that an eraser has; at a chosen key, with that eraser's lease."""
        same = self.state is State.DELETING and self.attempt == given.attempt
        return same and (not self.claims_key or self.lease == given.lease)

    def released(self) -> Audio:
        """The tombstone after its key was given back: there is nothing that an eraser could still delete for it."""
        return replace(self, object_key="", bytes_gone=True, lease=None)


def has_ended(expire_time: datetime | None, now: datetime) -> bool:
    """Whether a life has come to its end; that without one never does."""
    return expire_time is not None and now >= expire_time

"""What has to go, why, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from mayfly_storage.domain.audio import Audio, AudioName, Location, State

if TYPE_CHECKING:
    from datetime import datetime

    from mayfly_storage.domain.timing import Timing


class DueReason(StrEnum):
    """Why something has to go."""

    EXPIRED = "EXPIRED"
    ABANDONED = "ABANDONED"
    UNFINISHED = "UNFINISHED"
    ORPHAN_OBJECT = "ORPHAN_OBJECT"
    ORPHAN_MULTIPART = "ORPHAN_MULTIPART"
    DANGLING_ROW = "DANGLING_ROW"
    """A readable row without an object: reported, never repaired or deleted silently."""
    REQUESTED = "REQUESTED"
    """A caller had it deleted, and its bytes are gone; a sweep removes its tombstone, and certifies that."""


_REASON_OF_STATE = {
    State.READY: DueReason.EXPIRED,
    State.PENDING: DueReason.ABANDONED,
    State.DELETING: DueReason.UNFINISHED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DueItem:
    """Something that has to go: a row (with a name) or an object that no row refers to (without)."""

    name: AudioName | None
    location: Location
    object_key: str
    reason: DueReason
    collection: str = ""
    etag: str = ""
    multipart_upload_id: str = ""
    size_bytes: int = 0
    due_time: datetime | None = None

    @classmethod
    def of_row(cls, audio: Audio, timing: Timing, *, reason: DueReason | None = None) -> DueItem:
        """The item for a row; its reason follows from its state unless another is given."""
        return cls(
            name=audio.name,
            location=audio.location,
            object_key=audio.object_key,
            reason=reason or _reason_of(audio, timing),
            collection=audio.collection,
            size_bytes=audio.size_bytes,
            due_time=timing.due_time(audio),
        )


def _reason_of(audio: Audio, timing: Timing) -> DueReason:
    if audio.state is State.DELETING and audio.bytes_gone and timing.was_asked_for(audio):
        return DueReason.REQUESTED
    return _REASON_OF_STATE[audio.state]


class PurgeOutcome(StrEnum):
    """What became of an item."""

    DELETED = "DELETED"
    ALREADY_GONE = "ALREADY_GONE"
    SKIPPED = "SKIPPED"
    """It is live, has changed, or may not be decided yet; nothing was deleted."""
    FAILED = "FAILED"
    """It could not be deleted; a later sweep tries again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgeResult:
    """What became of one item."""

    outcome: PurgeOutcome
    size_bytes: int = 0
    tombstone_kept: bool = False
    message: str = ""
    """Why it was skipped or failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether an item is gone, by the stores' own answers."""

    object_gone: bool
    row_gone: bool

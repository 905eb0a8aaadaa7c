"""What has to go, and what storage said about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from mayfly_sweeper.domain.selection import Shard

if TYPE_CHECKING:
    from datetime import datetime

MAX_BATCH: Final = 1_000
"""Most items that storage takes in one call, and most that it answers in a page (`retention_service.proto`)."""


class DueReason(StrEnum):
    """Why something has to go, as storage's `DueReason` names it."""

    EXPIRED = "EXPIRED"
    ABANDONED = "ABANDONED"
    UNFINISHED = "UNFINISHED"
    ORPHAN_OBJECT = "ORPHAN_OBJECT"
    ORPHAN_MULTIPART = "ORPHAN_MULTIPART"
    DANGLING_ROW = "DANGLING_ROW"
    REQUESTED = "REQUESTED"

    UNKNOWN = "UNKNOWN"
    """A reason that a newer storage gives and this sweeper does not know."""

    @property
    def is_purgeable(self) -> bool:
        """Whether a sweep may ask storage to delete such an item.

        A dangling row is an incident for people to look at, and nothing is deleted for a reason that is not understood.
        """
        return self not in (DueReason.DANGLING_ROW, DueReason.UNKNOWN)

    @property
    def is_guarded(self) -> bool:
        """Whether it counts for guards against deleting too much: not what a caller has deleted before any sweep."""
        return self.is_purgeable and self is not DueReason.REQUESTED


@dataclass(frozen=True, slots=True, kw_only=True)
class DueItem:
    """One thing that has to go. All but `reason` and `due_time` goes back to storage exactly as it came."""

    reason: DueReason

    name: str = ""
    """Name of the audio. Empty for orphan objects."""

    location: str = "LOCAL"
    """Store of the object, as storage's `Audio.Location` names it."""

    object_key: str = ""
    etag: str = ""
    multipart_upload_id: str = ""
    collection: str = ""
    size_bytes: int = 0

    due_time: datetime | None = None
    """Since when it is due, by the store's clock."""

    @property
    def label(self) -> str:
        """What a log calls it: its name, or its key where it has no name. Both are opaque ids."""
        return self.name or self.object_key


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of a listing."""

    items: tuple[DueItem, ...]

    store_time: datetime
    """The store's own clock when the page was read."""

    next_page_token: str = ""
    """Empty on the last page."""

    objects_seen: int = 0
    """How many objects the page looked at; 0 for listings of rows."""

    oldest_object_time: datetime | None = None
    """When the oldest of them was written, but for orphans and for what is kept until it is deleted."""


class Outcome(StrEnum):
    """What happened to an item."""

    DELETED = "DELETED"
    ALREADY_GONE = "ALREADY_GONE"
    SKIPPED = "SKIPPED"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgeResult:
    """Storage's answer about one item."""

    outcome: Outcome

    size_bytes: int = 0
    """Size of what was deleted."""

    failure: str = ""
    """Storage's reason for SKIPPED and FAILED, for example `BACKEND_UNAVAILABLE`."""

    verified: bool = False
    """Whether the store itself said that it is gone, after it was deleted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgeAnswer:
    """Storage's answer about a batch."""

    results: tuple[PurgeResult, ...]
    """One for each item, in order."""

    store_time: datetime
    """The store's own clock after the deletion."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether an item is gone, by the store's own answer."""

    object_gone: bool
    row_gone: bool

    @property
    def is_gone(self) -> bool:
        """Neither bytes nor a readable row are left."""
        return self.object_gone and self.row_gone


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Which part of storage a listing looks at."""

    collection: str = ""
    """Only this collection; empty for all of them."""

    shard: Shard = field(default_factory=Shard)
    """Only this share."""

    due_before: datetime | None = None
    """Only rows that were due by then; None for now. Listings of objects do not know it."""

    page_size: int = MAX_BATCH
    """Most items (or objects looked at) in a page."""

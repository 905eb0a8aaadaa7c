"""What the use cases need of a store. Each docstring is a promise; one contract suite holds every backend to them.

All methods may raise BackendUnavailableError (worth a retry) and BackendMisconfiguredError (an operator has to act).
All times are aware and in UTC. Cursors are opaque; an unknown one raises PageTokenInvalidError.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from mayfly_storage.domain.audio import Audio, AudioName, Lease, Location
    from mayfly_storage.domain.links import LinkWish, SignedUrl, UploadGrant
    from mayfly_storage.domain.quotas import QuotaUse, Reservation, Tally
    from mayfly_storage.domain.tickets import Ticket
    from mayfly_storage.domain.uploads import RequestRecord

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[T]):
    """One page; an empty cursor says that it is the last."""

    items: tuple[T, ...]
    cursor: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioFilter:
    """What to list; empty means: any. All that is given must hold."""

    collection: str = ""
    date: str = ""
    owner: str = ""
    session_id: str = ""
    object_key_prefix: str = ""
    ready: bool = field(default=False, repr=False)
    """READY rows alone, expired or not. Not in the text that tells cursors apart: they lead to the same places."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """A share of the work: every audio id (rows) and object key (objects) falls into exactly one of `count` shards."""

    index: int = 0
    count: int = 1

    def holds(self, key: str) -> bool:
        """Whether an object key or audio id falls into this share. Stable across processes and releases."""
        return zlib.crc32(key.encode()) % self.count == self.index


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
    """How much is stored."""

    objects: int = 0
    size_bytes: int = 0

    def __add__(self, other: Footprint) -> Footprint:
        return Footprint(objects=self.objects + other.objects, size_bytes=self.size_bytes + other.size_bytes)


class AudioCatalog(Protocol):
    """The rows. Every write is conditional, durable when it returns, and safe to repeat."""

    async def reserve(
        self,
        audio: Audio,
        request: RequestRecord | None,
        *,
        replaces: AudioName | None = None,
        pays: QuotaUse | None = None,
    ) -> None:
        """W1: add the row, its request record and (if `claims_key`) its key claim, and pay, all or nothing.

        The row must be new. With `replaces`, the request record must stand for that audio, and now stands for this one.
        Raises RequestSeenError if the request_id is known (or does not stand for `replaces`), ObjectKeyTakenError if
        the key is claimed, ReservationGoneError if another upload has used the reservation, QuotaRefusedError if a
        counter has no room; of these, the first that applies. A request record past its `forget_time` counts as absent.
        """

    async def reserve_quota(self, reservation: Reservation, tallies: Sequence[Tally]) -> Reservation:
        """Add to all counters and note the reservation, or nothing of it.

        A request_id that the caller has reserved with before, until its `expire_time`, answers that reservation and
        counts nothing. Raises QuotaRefusedError. Exact however many do so at once: no counter passes a limit.
        """

    async def find_request(self, caller: str, request_id: str, now: datetime) -> RequestRecord | None:
        """The request record, unless it is past its `forget_time`. Consistent with reserve."""

    async def get_many(self, names: Sequence[AudioName]) -> dict[AudioName, Audio]:
        """The rows that exist, in any state. Reads what was last written."""

    async def find_by_keys(self, object_keys: Sequence[str]) -> dict[str, AudioName]:
        """The holders of claimed keys. Reads what was last written."""

    async def make_ready(self, audio: Audio | Ticket) -> Audio:
        """W3, the fence: PENDING -> READY if the row is still PENDING with this attempt; stores `etag` and `location`.

        The row forgets its upload in parts. Answers it as it is now. Repeating it after success answers the READY row.
        Raises StateChangedError otherwise.
        """

    async def name_upload(self, audio: Audio, upload_id: str) -> Audio:
        """Note the upload in parts of a PENDING row with this attempt; the one that was noted first stays.

        Answers the row as it is now. Raises StateChangedError if it is not PENDING with this attempt any more.
        """

    async def begin_delete(
        self, audios: Sequence[Audio], now: datetime, *, lease: Lease | None = None
    ) -> list[Audio | None]:
        """D1 for each row on its own: -> DELETING if state, attempt and expire_time are still as given.

        `text`, `owner` and `ip_address` leave the row. Rows with `claims_key` get the lease in the same write, those
        that are DELETING already as well; then the row, too, is collected later than the lease ends. Answers the
        tombstones, in order; None where the row is gone or has changed, or where its lease may not be taken.
        """

    async def retain(self, audio: Audio, expire_time: datetime) -> Audio:
        """Move the expiry of a READY row if state, attempt and expire_time are still as given.

        When the row is due, and when the catalog may forget it and its key claim, follow in the same write. Answers the
        row as it is now. Repeating it after success answers that row. Raises StateChangedError otherwise.
        """

    async def mark_bytes_gone(self, tombstones: Sequence[Audio]) -> None:
        """Note on DELETING rows that D3 was seen, so that they are due again only when they may go. Others are left."""

    async def release(self, tombstones: Sequence[Audio]) -> None:
        """D4 of keys alone: of DELETING rows with this attempt and this lease, remove the claim and `released` them.

        Other rows are left, with their claims.
        """

    async def remove(self, tombstones: Sequence[Audio]) -> None:
        """D4: remove DELETING rows with this attempt, and the key claims of these names, whose rows are gone then.

        A row with `claims_key` goes only with this lease (None: while nobody has one). Request records stay. Other rows
        are left, with their claims.
        """

    async def list_audio(self, wanted: AudioFilter, *, limit: int, cursor: str = "") -> Page[Audio]:
        """Rows, each once while nothing changes. May answer fewer than `limit` with a cursor."""

    async def list_due(self, before: datetime, *, shard: Shard, limit: int, cursor: str = "") -> Page[Audio]:
        """Rows whose due time is not after `before`. May lag behind the rows; costs what is due, not what is stored."""

    async def measure(self) -> dict[str, Footprint]:
        """Objects and bytes of the READY rows, expired or not, by collection; of those collections that have any.

        Reads every row, in steps that hold up nobody; rows that change meanwhile may be counted or not.
        """

    async def check(self) -> None:
        """Whether the catalog can be used; for readiness. Raises what every method may raise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlobFacts:
    """What is known of bytes before they are put."""

    content_type: str
    size_bytes: int
    sha256: bytes
    attempt: str
    expire_time: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredBlob:
    """What lies at a key, by the store's own answer."""

    key: str
    size_bytes: int
    etag: str
    modified_time: datetime
    sha256: bytes | None = None
    """None where the store cannot tell (a listing; a store without checksums)."""
    attempt: str | None = None
    """None where the store keeps no attempt; then the checksum decides whose bytes they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlobTarget:
    """Bytes to delete; with an etag, only if they are still those."""

    key: str
    etag: str | None = None


class DeleteOutcome(StrEnum):
    """What became of one BlobTarget."""

    DELETED = "DELETED"
    """It is gone; it may have been gone before."""
    CHANGED = "CHANGED"
    """Something else lies at the key; it was left."""
    FAILED = "FAILED"
    """The store could not; a later try may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlobPage:
    """One page of a listing, in key order, and the store's own clock before it was read."""

    blobs: tuple[StoredBlob, ...]
    cursor: str
    store_time: datetime


class BlobStore(Protocol):
    """The bytes. A key is written once; what was written is durable when the put returns."""

    @property
    def location(self) -> Location:
        """Which store this is."""

    @property
    def writes_once(self) -> bool:
        """Whether it never overwrites, whoever puts; elsewhere only a grant's guarantees do."""

    async def put_file(self, key: str, path: Path, facts: BlobFacts) -> StoredBlob:
        """W2 by storage itself: write once, from a file (which may be consumed).

        If the key is taken by the same attempt's bytes, it answers them. Raises ContentMismatchError (field `attempt`)
        if it is taken by others, StorageFullError if there is no room; nothing is left half-written.
        """

    async def head(self, key: str) -> StoredBlob | None:
        """What lies at the key, with its checksum; None if nothing does. Consistent with puts and deletes."""

    async def read(self, key: str, *, etag: str | None = None, offset: int, length: int) -> bytes | None:
        """Up to `length` bytes from `offset` on; fewer at the end, and none past it.

        None if nothing lies at the key, or (with an etag) other bytes than those. Between two reads nothing is held, so
        that a reader who is slow, or goes away, costs nothing.
        """

    async def delete_many(self, targets: Sequence[BlobTarget]) -> list[DeleteOutcome]:
        """D2, for up to 1,000 keys: an outcome for each, in order. Never reports as deleted what may still be there."""

    async def delete_until(self, end: datetime, keys: Sequence[str]) -> list[DeleteOutcome]:
        """D2 under a lease, for up to 1,000 keys: whatever lies there. The store itself deletes nothing after `end`.

        An outcome for each, in order. DELETED says, too, that no try is under way any more: what was sent and not
        answered is FAILED, and may still happen until `end`.
        """

    async def present(self, keys: Sequence[str]) -> set[str]:
        """D3, for up to 1,000 keys: those at which bytes lie, by the store's own consistent answer."""

    async def list_blobs(self, prefix: str, *, limit: int, cursor: str = "") -> BlobPage:
        """What lies under a prefix, in key order. Consistent: all that lay there before the call is seen."""

    async def store_time(self) -> datetime:
        """The store's own clock."""

    async def check(self) -> None:
        """Whether the store can be used; for readiness. Raises what every method may raise."""


class LinkSigner(Protocol):
    """The links. Signing does not look whether the audio exists."""

    async def sign_urls(self, wishes: Sequence[LinkWish]) -> list[SignedUrl | None]:
        """A GET link for each wish, in order; none lives longer than its wish or than the signer's credentials.

        None where that would be less than a second, because some stores know no shorter links.

        The link serves the audio's content type, a file name without personal data, and `Cache-Control: private`.
        `limited_by` is CREDENTIALS where they cut it, and what the wish says otherwise. Equal wishes that name their
        begin have equal links, as long as the same credentials sign.
        """

    async def grant_upload(self, audio: Audio) -> UploadGrant:
        """The right to put the declared bytes at the audio's key until `upload_deadline`; what the store enforces."""


class FolderRegistry(Protocol):
    """Which folder the fallback uses, beside the rows: so that each replica knows of all folders that rows are in."""

    async def registered(self) -> str:
        """The identity of the folder; empty: none is in use."""

    async def register(self, identity: str) -> str:
        """Register a folder if none is. Answers the one that is registered then."""

    async def forget(self, identity: str) -> None:
        """Register none any more, if this one still is."""

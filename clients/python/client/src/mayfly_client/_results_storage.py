"""What storage answers. Times are aware UTC datetimes, lengths are timedeltas."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime, timedelta


class AudioState(StrEnum):
    """Where an audio stands in its life."""

    UNSPECIFIED = "UNSPECIFIED"
    """A state that this client does not know."""
    PENDING = "PENDING"
    """Reserved; not readable."""
    READY = "READY"
    """Acknowledged and readable until it expires."""
    DELETING = "DELETING"
    """Being deleted; not readable."""


class AudioLocation(StrEnum):
    """The store that holds the bytes."""

    UNSPECIFIED = "UNSPECIFIED"
    """A store that this client does not know."""
    LOCAL = "LOCAL"
    """Storage's own files."""
    S3 = "S3"
    """The configured bucket."""


class LimitedBy(StrEnum):
    """What set the end of a link's life."""

    UNSPECIFIED = "UNSPECIFIED"
    """Something that this client does not know."""
    REQUEST = "REQUEST"
    """The caller's own `ttl`."""
    POLICY = "POLICY"
    """The collection's default or maximum."""
    OBJECT = "OBJECT"
    """The end of the audio."""
    CREDENTIALS = "CREDENTIALS"
    """The end of the credentials that sign."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Audio:
    """One stored audio."""

    name: str
    """Resource name, `audio/{date}/{audio_id}`. Opaque: keep it whole."""
    collection: str
    state: AudioState
    location: AudioLocation
    object_key: str
    content_type: str
    size_bytes: int
    sha256: bytes
    create_time: datetime
    expire_time: datetime | None
    """When it stops being readable. None: kept until it is deleted."""
    duration: timedelta | None
    """None if its writer did not state it."""
    voice: str
    text: str = field(repr=False)
    """What was spoken, where storage keeps it. Not in the repr, which may end in a log."""
    key_fields: Mapping[str, str]
    labels: Mapping[str, str]
    user_id: str
    text_hash: str = ""
    """A keyed hash of what was spoken, where storage keeps that instead: equal for equal texts."""

    @property
    def file_name(self) -> str:
        """The last part of the object's key."""
        return self.object_key.rpartition("/")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadPart:
    """One part of a multipart upload."""

    part_number: int
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    offset_bytes: int
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadGrant:
    """The right to put exactly the announced bytes, once, until it expires. Its URLs are secrets, not in the repr."""

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    """To be sent exactly as they are."""
    expire_time: datetime
    attempt: str = field(repr=False)
    """Fencing token for `commit_upload`."""
    enforced: frozenset[str]
    """Guarantees that the store itself enforces at the PUT: SIZE, CHECKSUM, CONTENT_TYPE, WRITE_ONCE."""
    parts: tuple[UploadPart, ...]
    """To be put one by one instead of `url`; empty for a single PUT."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A reserved audio, and how to put its bytes."""

    audio: Audio
    grant: UploadGrant | None
    """None if the audio is READY already: a retry came after the commit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaReservation:
    """The right to one upload that was counted already."""

    token: str = field(repr=False)
    """For `create_upload(quota_reservation=...)`. Opaque."""
    expire_time: datetime
    """When it lapses; the upload then counts itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedUrl:
    """A link to the bytes. `url` is a secret until `expire_time`; the repr shows it without its signature."""

    name: str
    url: str = field(repr=False)
    expire_time: datetime
    """The true end of the link's life; never after the audio's."""
    limited_by: LimitedBy

    def __repr__(self) -> str:
        return (
            f"SignedUrl(name={self.name!r}, url={without_query(self.url)!r}, "
            f"expire_time={self.expire_time!r}, limited_by={self.limited_by.value!r})"
        )

    # A dataclass with slots has no __str__ of its own; f"{signed}" must not show the signature either.
    __str__ = __repr__


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioFailure:
    """Why one name of many got no link."""

    name: str
    reason: str
    message: str
    metadata: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """A kind of audio: where it lies, how long it lives, what it may be."""

    id: str
    key_templates: tuple[str, ...]
    """Templates of the object keys; the key fields of an audio decide which one is meant."""
    lifetime: timedelta | None
    """None: until deleted."""
    url_lifetime: timedelta
    max_size_bytes: int
    content_types: tuple[str, ...]
    writers: tuple[str, ...]
    """Callers that may write; empty: every caller."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageInfo:
    """The store, its limits and its collections."""

    backend: str
    bucket: str
    region: str
    collections: tuple[Collection, ...]
    max_single_put_bytes: int
    upload_lifetime: timedelta
    fallback_active: bool
    """Whether new audio goes to storage's own files, because S3 does not answer."""
    keeps_text: bool
    fallback_cause: str = ""
    """Why: S3's error code, `NoAnswerInTime`, or `SwitchedOff` where storage's settings say so."""
    fallback_begin_time: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionUsage:
    """What one collection holds."""

    collection: str
    objects: int
    size_bytes: int
    monthly_cost: float
    """An estimate by storage's price table. Unit: US dollars in a month."""
    costs: Mapping[str, float] = field(default_factory=dict)
    """What that is made of: `storage`, `writes`, `reads`, `transfer_out`, `catalog`. Unit: US dollars in a month."""
    object_cost: float = 0.0
    """One object of the mean size, from its upload to its end (its first month, if it is kept). Unit: US dollars."""


class UsageReport(list[CollectionUsage]):
    """What each collection holds, and what is of none of them."""

    def __init__(
        self,
        collections: Iterable[CollectionUsage] = (),
        *,
        shared_costs: Mapping[str, float] | None = None,
        monthly_cost: float = 0.0,
        count_time: datetime | None = None,
    ) -> None:
        """Take what storage answers."""
        super().__init__(collections)
        self.shared_costs: Mapping[str, float] = shared_costs or {}
        """What is of no collection: `sweeps`, where they have a price. Unit: US dollars in a month."""
        self.monthly_cost = monthly_cost
        """All of it. Unit: US dollars in a month."""
        self.count_time = count_time
        """When storage counted; None if it did not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """What was deleted of a person's audio."""

    deleted_names: tuple[str, ...]
    remaining: int
    """What could not be deleted yet; 0 as a rule."""


def without_query(url: str) -> str:
    """The URL with `?...` in place of what signs it."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}{parts.path}{'?...' if parts.query else ''}"

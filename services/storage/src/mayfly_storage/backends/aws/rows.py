"""The items of the table: rows of audio, request records and key claims.

A row has system A's attributes under system A's names, so that whoever queries the table by that schema can read it;
the protocol's own attributes stand beside them. Records and claims share the table, because W1 is one transaction.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from mayfly_storage.backends.aws import attributes as at
from mayfly_storage.backends.aws.attributes import Item, ItemReader
from mayfly_storage.domain.audio import Audio, AudioName, Lease, Location, State
from mayfly_storage.domain.ports import Shard
from mayfly_storage.domain.uploads import RequestRecord

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

    from mayfly_storage.domain.tickets import Ticket
    from mayfly_storage.domain.timing import Timing

PARTITION: Final = "date"
SORT: Final = "audio_id"
DUE_BUCKET: Final = "due_bucket"
DUE_TIME: Final = "due_time"
DUE_INDEX: Final = "due"
DUE_ATTRIBUTES: Final = (DUE_BUCKET, DUE_TIME)
LEASE: Final = "lease"
LEASE_END: Final = "lease_end"
LEASE_ATTRIBUTES: Final = (LEASE, LEASE_END)
UPLOAD_ID: Final = "upload_id"
OWNER: Final = "owner"
OWNER_INDEX: Final = "owner"
PERSONAL: Final = ("text", OWNER, "ip_address")
"""What leaves a row at D1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowFormat:
    """How audio looks in this table."""

    timing: Timing
    bucket: str
    due_buckets: int

    def item(self, audio: Audio) -> Item:
        """The row of an audio."""
        return key_of(audio.name) | self._schema_of_system_a(audio) | _protocol(audio) | _facts(audio) | self.due(audio)

    def _schema_of_system_a(self, audio: Audio) -> Item:
        return _present(
            s3_key=at.text(audio.object_key),
            s3_url=self.s3_url(audio),
            text=_text(audio.text),
            voice_id=_text(audio.voice),
            duration=at.seconds(audio.duration) if audio.duration is not None else None,
            created_at=at.time(audio.create_time),
            ip_address=_text(audio.ip_address),
            **self._collected(audio),
        )

    def s3_url(self, audio: Audio | Ticket) -> AttributeValueTypeDef | None:
        """Where system A finds the object; None for one that is not in S3."""
        return at.text(f"s3://{self.bucket}/{audio.object_key}") if audio.location is Location.S3 else None

    def life(self, audio: Audio) -> Item:
        """What says when a row's audio ends, and when DynamoDB may collect the row."""
        return _present(expire_time=_time(audio.expire_time)) | self._collected(audio)

    def leased(self, audio: Audio) -> Item:
        """What says who has the lease; DynamoDB may collect neither the row nor its claim before that ends."""
        return _lease(audio.lease) | self._collected(audio) if audio.lease is not None else {}

    def is_collected_early(self, audio: Audio) -> bool:
        """Whether DynamoDB could collect the row before its lease ends, by the expiry alone."""
        lease, end = audio.lease, audio.expire_time
        return lease is not None and end is not None and lease.end > end + self.timing.tombstone_margin

    def due(self, audio: Audio) -> Item:
        """What makes the row stand in the index of due rows; nothing, and so no place there, if it never is."""
        return self.due_at(audio.name, self.timing.due_time(audio))

    def due_at(self, name: AudioName, due_time: datetime | None) -> Item:
        """The same for a time that is known; a READY row is due at its expiry."""
        if due_time is None:
            return {}
        return {DUE_BUCKET: at.text(self._due_bucket(name.audio_id)), DUE_TIME: at.time(due_time)}

    @property
    def all_due_buckets(self) -> list[str]:
        """Every bucket that rows may stand in."""
        return [f"due#{number}" for number in range(self.due_buckets)]

    def _due_bucket(self, audio_id: str) -> str:
        shards = (Shard(index=number, count=self.due_buckets) for number in range(self.due_buckets))
        return f"due#{next(shard.index for shard in shards if shard.holds(audio_id))}"

    def claim(self, audio: Audio) -> Item:
        """The item that holds a key which the caller chose."""
        return (
            claim_key(audio.object_key)
            | _present(
                audio_name=at.text(str(audio.name)),
            )
            | self._collected(
                audio,
                # Later than the row: a claim that went first would let another audio have the key too early.
                later=self.timing.tombstone_margin,
            )
        )

    def _collected(self, audio: Audio, *, later: timedelta = timedelta(0)) -> Item:
        if audio.expire_time is None:
            return {}
        time = audio.expire_time + self.timing.tombstone_margin
        return {"ttl": _epoch((max(time, audio.lease.end) if audio.lease is not None else time) + later)}


def key_of(name: AudioName) -> Item:
    """The key of a row."""
    return _key(name.date, name.audio_id)


def name_of(item: Mapping[str, AttributeValueTypeDef]) -> AudioName:
    """The name of a row's audio."""
    reader = ItemReader(item)
    return AudioName(reader.text(PARTITION), reader.text(SORT))


def claim_key(object_key: str) -> Item:
    """The key of a claim."""
    return _key(f"key#{_digest(object_key)[:4]}", object_key)


def request_key(caller: str, request_id: str) -> Item:
    """The key of a request record. It does not hold the date, so that a retry after midnight finds it."""
    return _key(f"idem#{caller}#{_digest(request_id)[:2]}", request_id)


def request_item(request: RequestRecord) -> Item:
    """A request record."""
    return request_key(request.caller, request.request_id) | _present(
        fingerprint=at.text(request.fingerprint),
        audio_name=at.text(str(request.name)),
        forget_time=at.time(request.forget_time),
        ttl=_epoch(request.forget_time),
    )


def request_of(item: Item, *, caller: str) -> RequestRecord:
    """Read a request record."""
    reader = ItemReader(item)
    return RequestRecord(
        caller=caller,
        request_id=reader.text(SORT),
        fingerprint=reader.text("fingerprint"),
        name=AudioName.parse(reader.text("audio_name")),
        forget_time=reader.moment("forget_time"),
    )


def holder_of(item: Item) -> tuple[str, AudioName]:
    """Read a claim: which key, held by whom."""
    reader = ItemReader(item)
    return reader.text(SORT), AudioName.parse(reader.text("audio_name"))


def audio_of(item: Mapping[str, AttributeValueTypeDef]) -> Audio:
    """Read a row."""
    row = ItemReader(item)
    return Audio(
        name=name_of(item),
        collection=row.text("collection"),
        state=State(row.text("state")),
        location=Location(row.text("location")),
        object_key=row.text("s3_key"),
        content_type=row.text("content_type"),
        size_bytes=row.integer("size_bytes"),
        sha256=row.blob("sha256"),
        attempt=row.text("attempt"),
        create_time=row.moment("created_at"),
        upload_deadline=row.moment("upload_deadline"),
        expire_time=row.time("expire_time"),
        etag=row.text("etag") or None,
        delete_time=row.time("delete_time"),
        bytes_gone=row.flag("bytes_gone"),
        claims_key=row.flag("claims_key"),
        lease=_lease_of(row),
        upload_id=row.text(UPLOAD_ID),
        duration=row.period("duration"),
        voice=row.text("voice_id"),
        text=row.text("text"),
        user_id=row.text("user_id"),
        owner=row.text("owner"),
        ip_address=row.text("ip_address"),
        writer=row.text("writer"),
        key_fields=row.texts("key_fields"),
        labels=row.texts("labels"),
    )


def _protocol(audio: Audio) -> Item:
    return _present(
        state=at.text(audio.state),
        attempt=at.text(audio.attempt),
        location=at.text(audio.location),
        upload_deadline=at.time(audio.upload_deadline),
        expire_time=_time(audio.expire_time),
        delete_time=_time(audio.delete_time),
        etag=_text(audio.etag or ""),
        bytes_gone=at.flag(value=True) if audio.bytes_gone else None,
        claims_key=at.flag(value=True) if audio.claims_key else None,
        upload_id=_text(audio.upload_id),
    ) | _lease(audio.lease)


def _lease(lease: Lease | None) -> Item:
    return {LEASE: at.text(lease.holder), LEASE_END: at.time(lease.end)} if lease is not None else {}


def _lease_of(row: ItemReader) -> Lease | None:
    end = row.time(LEASE_END)
    return Lease(row.text(LEASE), end) if end is not None else None


def _facts(audio: Audio) -> Item:
    return _present(
        collection=at.text(audio.collection),
        content_type=_text(audio.content_type),
        size_bytes=at.number(audio.size_bytes),
        sha256=at.blob(audio.sha256) if audio.sha256 else None,
        user_id=_text(audio.user_id),
        owner=_text(audio.owner),
        writer=_text(audio.writer),
        key_fields=at.texts(audio.key_fields) if audio.key_fields else None,
        labels=at.texts(audio.labels) if audio.labels else None,
    )


def _key(partition: str, sort: str) -> Item:
    return {PARTITION: at.text(partition), SORT: at.text(sort)}


def _present(**values: AttributeValueTypeDef | None) -> Item:
    return {name: value for name, value in values.items() if value is not None}


def _text(value: str) -> AttributeValueTypeDef | None:
    return at.text(value) if value else None


def _time(value: datetime | None) -> AttributeValueTypeDef | None:
    return at.time(value) if value is not None else None


def _epoch(value: datetime) -> AttributeValueTypeDef:
    """DynamoDB's TTL wants whole seconds, and must never be early."""
    return at.number(math.ceil(value.timestamp()))


def _digest(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()

"""Storage's messages for what a fake keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from mayfly.storage.v1 import audio_pb2, error_reason_pb2, failure_pb2
from mayfly.storage.v1 import storage_service_pb2 as pb

from mayfly_client._fake.kinds import MAX_SIZE_BYTES, Kind

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from mayfly_client._fake.refusal import Refusal
    from mayfly_client._fake.shelf import Item


def timestamp(value: datetime) -> Timestamp:
    """A Timestamp."""
    made = Timestamp()
    made.FromDatetime(value)
    return made


def duration(value: timedelta) -> Duration:
    """A Duration."""
    made = Duration()
    made.FromTimedelta(value)
    return made


def audio(item: Item, *, keeps_text: bool) -> audio_pb2.Audio:
    """A row."""
    new = item.new
    return audio_pb2.Audio(
        name=item.name,
        collection=item.kind.id,
        state=audio_pb2.Audio.STATE_READY if item.ready else audio_pb2.Audio.STATE_PENDING,
        location=audio_pb2.Audio.LOCATION_LOCAL,
        object_key=item.object_key,
        content_type=new.content_type,
        size_bytes=item.size_bytes,
        sha256=item.sha256,
        create_time=timestamp(item.create_time),
        expire_time=timestamp(item.expire_time) if item.expire_time else None,
        duration=new.duration if new.HasField("duration") else None,
        voice=new.voice,
        text=new.text if keeps_text else "",
        key_fields=new.key_fields,
        labels=new.labels,
        user_id=new.subject.user_id,
    )


def failure(refusal: Refusal) -> failure_pb2.Failure:
    """An outcome of one item of a batch."""
    return failure_pb2.Failure(
        reason=error_reason_pb2.ErrorReason.Value(f"ERROR_REASON_{refusal.reason}"),
        message=refusal.message,
        metadata=refusal.metadata,
    )


def collection(kind: Kind) -> pb.GetStorageInfoResponse.Collection:
    """A collection."""
    return pb.GetStorageInfoResponse.Collection(
        id=kind.id,
        key_templates=kind.templates,
        lifetime=duration(kind.lifetime) if kind.lifetime else None,
        url_lifetime=duration(kind.url_lifetime),
        max_size_bytes=MAX_SIZE_BYTES,
        content_types=kind.content_types,
    )

"""From storage's messages to results."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mayfly.storage.v1 import audio_pb2, error_reason_pb2, storage_service_pb2

from mayfly_client._enums import known, value_name
from mayfly_client._results_storage import (
    Audio,
    AudioFailure,
    AudioLocation,
    AudioState,
    Collection,
    CollectionUsage,
    Forgotten,
    LimitedBy,
    QuotaReservation,
    SignedUrl,
    StorageInfo,
    Upload,
    UploadGrant,
    UploadPart,
    UsageReport,
)
from mayfly_client._times import to_datetime, to_timedelta

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mayfly.storage.v1 import failure_pb2

_MICROS = 1_000_000
_NANOS = 1_000_000_000


def audio(message: audio_pb2.Audio) -> Audio:
    """An audio."""
    return Audio(
        name=message.name,
        collection=message.collection,
        state=known(AudioState, value_name(audio_pb2.Audio.State.Name, message.state, "STATE_")),
        location=known(AudioLocation, value_name(audio_pb2.Audio.Location.Name, message.location, "LOCATION_")),
        object_key=message.object_key,
        content_type=message.content_type,
        size_bytes=message.size_bytes,
        sha256=message.sha256,
        create_time=to_datetime(message.create_time),
        expire_time=to_datetime(message.expire_time) if message.HasField("expire_time") else None,
        duration=to_timedelta(message.duration) if message.HasField("duration") else None,
        voice=message.voice,
        text=message.text,
        key_fields=dict(message.key_fields),
        labels=dict(message.labels),
        user_id=message.user_id,
        text_hash=message.text_hash,
    )


def quota_reservation(message: storage_service_pb2.ReserveQuotaResponse) -> QuotaReservation:
    """A reservation."""
    return QuotaReservation(token=message.quota_reservation, expire_time=to_datetime(message.expire_time))


def upload(message: storage_service_pb2.CreateUploadResponse) -> Upload:
    """A reserved audio and its grant."""
    return Upload(
        audio=audio(message.audio),
        grant=_grant(message.grant) if message.HasField("grant") else None,
    )


def _grant(message: storage_service_pb2.UploadGrant) -> UploadGrant:
    guarantee = storage_service_pb2.UploadGrant.Guarantee
    return UploadGrant(
        method=message.method,
        url=message.url,
        headers=dict(message.headers),
        expire_time=to_datetime(message.expire_time),
        attempt=message.attempt,
        enforced=frozenset(value_name(guarantee.Name, each, "GUARANTEE_") for each in message.enforced),
        parts=tuple(
            UploadPart(
                part_number=part.part_number,
                url=part.url,
                headers=dict(part.headers),
                offset_bytes=part.offset_bytes,
                size_bytes=part.size_bytes,
            )
            for part in message.parts
        ),
    )


def signed_urls(message: storage_service_pb2.SignUrlsResponse) -> list[SignedUrl | AudioFailure]:
    """A link or a failure for each name, in order."""
    return [_signed_url(result) for result in message.results]


def _signed_url(result: storage_service_pb2.SignUrlsResponse.Result) -> SignedUrl | AudioFailure:
    if result.WhichOneof("outcome") == "failure":
        return _failure(result.name, result.failure)
    signed = result.signed_url
    return SignedUrl(
        name=result.name,
        url=signed.url,
        expire_time=to_datetime(signed.url_expire_time),
        limited_by=known(LimitedBy, value_name(storage_service_pb2.LimitedBy.Name, signed.limited_by, "LIMITED_BY_")),
    )


def _failure(name: str, message: failure_pb2.Failure) -> AudioFailure:
    return AudioFailure(
        name=name,
        reason=value_name(error_reason_pb2.ErrorReason.Name, message.reason, "ERROR_REASON_"),
        message=message.message,
        metadata=dict(message.metadata),
    )


def forgotten(names: Sequence[str], remaining: int) -> Forgotten:
    """What was deleted of a person."""
    return Forgotten(deleted_names=tuple(names), remaining=remaining)


def usage(message: storage_service_pb2.GetUsageResponse) -> UsageReport:
    """What each collection holds, and what all of it costs."""
    return UsageReport(
        map(_collection_usage, message.usage),
        shared_costs=_costs(message.shared_costs),
        monthly_cost=message.monthly_cost_micros / _MICROS,
        count_time=to_datetime(message.count_time) if message.HasField("count_time") else None,
    )


def _collection_usage(each: storage_service_pb2.GetUsageResponse.Usage) -> CollectionUsage:
    return CollectionUsage(
        collection=each.collection,
        objects=each.objects,
        size_bytes=each.size_bytes,
        monthly_cost=each.monthly_cost_micros / _MICROS,
        costs=_costs(each.costs),
        object_cost=each.object_cost_nanos / _NANOS,
    )


def _costs(lines: Iterable[storage_service_pb2.GetUsageResponse.Cost]) -> dict[str, float]:
    return {each.item: each.monthly_cost_micros / _MICROS for each in lines}


def storage_info(message: storage_service_pb2.GetStorageInfoResponse) -> StorageInfo:
    """The store, its limits and its collections."""
    return StorageInfo(
        backend=message.backend,
        bucket=message.bucket,
        region=message.region,
        collections=tuple(_collection(each) for each in message.collections),
        max_single_put_bytes=message.max_single_put_bytes,
        upload_lifetime=to_timedelta(message.upload_lifetime),
        fallback_active=message.fallback_active,
        keeps_text=message.keeps_text,
        fallback_cause=message.fallback_cause,
        fallback_begin_time=(
            to_datetime(message.fallback_begin_time) if message.HasField("fallback_begin_time") else None
        ),
    )


def _collection(message: storage_service_pb2.GetStorageInfoResponse.Collection) -> Collection:
    return Collection(
        id=message.id,
        key_templates=tuple(message.key_templates),
        lifetime=to_timedelta(message.lifetime) if message.HasField("lifetime") else None,
        url_lifetime=to_timedelta(message.url_lifetime),
        max_size_bytes=message.max_size_bytes,
        content_types=tuple(message.content_types),
        writers=tuple(message.writers),
    )

"""From the domain to the messages of StorageService."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mayfly.storage.v1 import audio_pb2
from mayfly.storage.v1 import storage_service_pb2 as pb

from mayfly_storage.domain.audio import AudioName
from mayfly_storage.domain.links import SignedUrl
from mayfly_storage.domain.privacy import hash_of
from mayfly_storage.transport.enums import GUARANTEES, LIMITS, LOCATIONS, STATES
from mayfly_storage.transport.errors import failure
from mayfly_storage.transport.times import set_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from mayfly_storage.domain.audio import Audio
    from mayfly_storage.domain.collections import Collection
    from mayfly_storage.domain.links import UploadGrant
    from mayfly_storage.domain.ports import Page
    from mayfly_storage.domain.pricing import CostItem
    from mayfly_storage.transport.requests import AskedName
    from mayfly_storage.usecases.forgetting import Forgotten
    from mayfly_storage.usecases.info import StorageInfo
    from mayfly_storage.usecases.usage import Usage, UsageReport


def audio(one: Audio) -> audio_pb2.Audio:
    """An audio. What is kept of a guest's address stays inside."""
    message = audio_pb2.Audio(
        name=str(one.name),
        collection=one.collection,
        state=STATES[one.state],
        location=LOCATIONS[one.location],
        object_key=one.object_key,
        content_type=one.content_type,
        size_bytes=one.size_bytes,
        sha256=one.sha256,
        voice=one.voice,
        text="" if (text_hash := hash_of(one.text)) else one.text,
        text_hash=text_hash,
        key_fields=one.key_fields,
        labels=one.labels,
        user_id=one.user_id,
    )
    set_time(message.create_time, one.create_time)
    if one.expire_time is not None:
        set_time(message.expire_time, one.expire_time)
    if one.duration is not None:
        message.duration.FromTimedelta(one.duration)
    return message


def reserve_quota(token: str, expire_time: datetime) -> pb.ReserveQuotaResponse:
    """The reservation."""
    message = pb.ReserveQuotaResponse(quota_reservation=token)
    set_time(message.expire_time, expire_time)
    return message


def create_upload(one: Audio, granted: UploadGrant | None) -> pb.CreateUploadResponse:
    """The reserved audio, and the grant while it is PENDING."""
    return pb.CreateUploadResponse(audio=audio(one), grant=None if granted is None else _grant(granted))


def _grant(granted: UploadGrant) -> pb.UploadGrant:
    message = pb.UploadGrant(
        method="PUT",
        url=granted.url,
        headers=granted.headers,
        attempt=granted.attempt,
        enforced=[GUARANTEES[guarantee] for guarantee in granted.enforced],
        parts=[
            pb.UploadPart(
                part_number=part.part_number,
                url=part.url,
                headers=part.headers,
                offset_bytes=part.offset_bytes,
                size_bytes=part.size_bytes,
            )
            for part in granted.parts
        ],
    )
    set_time(message.expire_time, granted.expire_time)
    return message


def list_audio(page: Page[Audio], next_page_token: str) -> pb.ListAudioResponse:
    """One page of readable audio."""
    return pb.ListAudioResponse(audio=map(audio, page.items), next_page_token=next_page_token)


def sign_urls(asked: Iterable[AskedName], outcomes: Mapping[AudioName, SignedUrl | Exception]) -> pb.SignUrlsResponse:
    """A link, or why there is none, for each name in order."""
    response = pb.SignUrlsResponse()
    add = response.results.add
    for text, name in asked:
        outcome = outcomes[name] if isinstance(name, AudioName) else name
        # Filled in place: a message that is put into another one is copied, and a thousand links are large.
        result = add()
        result.name = text
        if isinstance(outcome, SignedUrl):
            link = result.signed_url
            link.url = outcome.url
            link.limited_by = LIMITS[outcome.limited_by]
            set_time(link.url_expire_time, outcome.expire_time)
        else:
            result.failure.CopyFrom(failure(outcome))
    return response


def batch_delete_audio(asked: Iterable[AskedName], deleted: Mapping[AudioName, bool]) -> pb.BatchDeleteAudioResponse:
    """What happened to each name in order."""
    result = pb.BatchDeleteAudioResponse.Result
    return pb.BatchDeleteAudioResponse(
        results=[
            result(name=text, deleted=deleted[name])
            if isinstance(name, AudioName)
            else result(name=text, failure=failure(name))
            for text, name in asked
        ]
    )


def forgotten(outcome: Forgotten) -> pb.ForgetSubjectResponse:
    """What was deleted, and how much is left."""
    return pb.ForgetSubjectResponse(deleted_names=map(str, outcome.deleted), remaining=outcome.remaining)


def usage(report: UsageReport) -> pb.GetUsageResponse:
    """What each collection holds, and what all of it costs."""
    message = pb.GetUsageResponse(
        usage=map(_usage, report.usage),
        shared_costs=_costs(report.shared_costs),
        monthly_cost_micros=report.monthly_cost_micros,
    )
    message.count_time.FromDatetime(report.count_time)
    return message


def _usage(one: Usage) -> pb.GetUsageResponse.Usage:
    return pb.GetUsageResponse.Usage(
        collection=one.collection,
        objects=one.stored.objects,
        size_bytes=one.stored.size_bytes,
        monthly_cost_micros=one.monthly_cost_micros,
        costs=_costs(one.costs),
        object_cost_nanos=one.object_cost_nanos,
    )


def _costs(costs: Mapping[CostItem, int]) -> list[pb.GetUsageResponse.Cost]:
    return [pb.GetUsageResponse.Cost(item=item, monthly_cost_micros=micros) for item, micros in costs.items()]


def storage_info(info: StorageInfo) -> pb.GetStorageInfoResponse:
    """What this storage is."""
    message = pb.GetStorageInfoResponse(
        backend=info.backend,
        bucket=info.bucket,
        region=info.region,
        collections=[_collection(collection) for collection in info.collections],
        max_single_put_bytes=info.max_single_put_bytes,
        fallback_active=info.outage is not None,
        keeps_text=info.keeps_text,
        fallback_cause=info.outage.cause if info.outage is not None else "",
    )
    if info.outage is not None:
        set_time(message.fallback_begin_time, info.outage.begin_time)
    message.upload_lifetime.FromTimedelta(info.upload_lifetime)
    return message


def _collection(one: Collection) -> pb.GetStorageInfoResponse.Collection:
    message = pb.GetStorageInfoResponse.Collection(
        id=one.id,
        key_templates=[template.text for template in one.key_templates],
        max_size_bytes=one.max_size_bytes,
        content_types=one.content_types,
        writers=one.writers,
    )
    message.url_lifetime.FromTimedelta(one.url_lifetime)
    if one.lifetime is not None:
        message.lifetime.FromTimedelta(one.lifetime)
    return message

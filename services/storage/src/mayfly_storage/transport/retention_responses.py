"""From the domain to the messages of RetentionService."""

from __future__ import annotations

from typing import TYPE_CHECKING

from google.protobuf.timestamp_pb2 import Timestamp
from mayfly.storage.v1 import error_reason_pb2, failure_pb2
from mayfly.storage.v1 import retention_service_pb2 as pb

from mayfly_storage.domain.retention import DueItem, PurgeOutcome, PurgeResult, Verdict
from mayfly_storage.transport.enums import DUE_REASONS, LOCATIONS, OUTCOMES

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from mayfly_storage.usecases.finding import DuePage


def list_expired(page: DuePage, next_page_token: str) -> pb.ListExpiredResponse:
    """One page of due rows."""
    return pb.ListExpiredResponse(
        items=map(_item, page.items), next_page_token=next_page_token, store_time=_timestamp(page.store_time)
    )


def list_orphans(page: DuePage, next_page_token: str) -> pb.ListOrphansResponse:
    """One page of orphans."""
    return pb.ListOrphansResponse(
        items=map(_item, page.items),
        next_page_token=next_page_token,
        store_time=_timestamp(page.store_time),
        objects_seen=page.objects_seen,
        oldest_object_time=None if page.oldest_object_time is None else _timestamp(page.oldest_object_time),
    )


def purge_audio(
    items: Iterable[DueItem], results: Iterable[PurgeResult], store_time: datetime
) -> pb.PurgeAudioResponse:
    """What became of each item in order."""
    return pb.PurgeAudioResponse(
        results=[_result(item, result) for item, result in zip(items, results, strict=True)],
        store_time=_timestamp(store_time),
    )


def verify_gone(verdicts: Iterable[Verdict], store_time: datetime) -> pb.VerifyGoneResponse:
    """The stores' own answer about each item in order."""
    return pb.VerifyGoneResponse(
        verdicts=[
            pb.VerifyGoneResponse.Verdict(object_gone=verdict.object_gone, row_gone=verdict.row_gone)
            for verdict in verdicts
        ],
        store_time=_timestamp(store_time),
    )


def _item(one: DueItem) -> pb.DueItem:
    return pb.DueItem(
        name="" if one.name is None else str(one.name),
        location=LOCATIONS[one.location],
        object_key=one.object_key,
        etag=one.etag,
        multipart_upload_id=one.multipart_upload_id,
        reason=DUE_REASONS[one.reason],
        collection=one.collection,
        size_bytes=one.size_bytes,
        due_time=None if one.due_time is None else _timestamp(one.due_time),
    )


def _result(item: DueItem, result: PurgeResult) -> pb.PurgeAudioResponse.Result:
    return pb.PurgeAudioResponse.Result(
        outcome=OUTCOMES[result.outcome],
        size_bytes=result.size_bytes,
        failure=_failure(item, result) if result.message else None,
        tombstone_kept=result.tombstone_kept,
    )


def _failure(item: DueItem, result: PurgeResult) -> failure_pb2.Failure:
    if result.outcome is PurgeOutcome.FAILED:
        return failure_pb2.Failure(
            reason=error_reason_pb2.ERROR_REASON_BACKEND_UNAVAILABLE,
            message=result.message,
            metadata={"backend": item.location.value},
        )
    return failure_pb2.Failure(reason=error_reason_pb2.ERROR_REASON_NOT_DUE, message=result.message)


def _timestamp(time: datetime) -> Timestamp:
    message = Timestamp()
    message.FromDatetime(time)
    return message

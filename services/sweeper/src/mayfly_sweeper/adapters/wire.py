"""Between storage's messages and the sweeper's items."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from mayfly.storage.v1 import audio_pb2, error_reason_pb2, failure_pb2
from mayfly.storage.v1 import retention_service_pb2 as pb

from mayfly_sweeper.domain.certificate import Certificate, Setting, StoreFacts
from mayfly_sweeper.domain.items import DueItem, DueReason, Outcome, Page, PurgeAnswer, PurgeResult, Verdict
from mayfly_sweeper.domain.selection import Shard

if TYPE_CHECKING:
    from collections.abc import Mapping

    from google.protobuf.timestamp_pb2 import Timestamp

_REASON_NUMBERS: Final[Mapping[DueReason, pb.DueReason.ValueType]] = {
    reason: getattr(pb, f"DUE_REASON_{reason}") for reason in DueReason if reason is not DueReason.UNKNOWN
}
_REASONS: Final = {number: reason for reason, number in _REASON_NUMBERS.items()}
_OUTCOMES = {getattr(pb.PurgeAudioResponse, f"OUTCOME_{outcome}"): outcome for outcome in Outcome}
_LOCATION_PREFIX = "LOCATION_"
_REASON_PREFIX = "ERROR_REASON_"


def to_item(item: pb.DueItem) -> DueItem:
    """A listed item. A reason of a newer storage becomes UNKNOWN: reported, and never sent back."""
    return DueItem(
        reason=_REASONS.get(item.reason, DueReason.UNKNOWN),
        name=item.name,
        location=audio_pb2.Audio.Location.Name(item.location).removeprefix(_LOCATION_PREFIX),
        object_key=item.object_key,
        etag=item.etag,
        multipart_upload_id=item.multipart_upload_id,
        collection=item.collection,
        size_bytes=item.size_bytes,
        due_time=_time(item.due_time) if item.HasField("due_time") else None,
    )


def from_item(item: DueItem) -> pb.DueItem:
    """The item as storage listed it."""
    message = pb.DueItem(
        reason=_REASON_NUMBERS[item.reason],
        name=item.name,
        location=audio_pb2.Audio.Location.Value(f"{_LOCATION_PREFIX}{item.location}"),
        object_key=item.object_key,
        etag=item.etag,
        multipart_upload_id=item.multipart_upload_id,
        collection=item.collection,
        size_bytes=item.size_bytes,
    )
    if item.due_time is not None:
        message.due_time.FromDatetime(item.due_time)
    return message


def from_shard(shard: Shard) -> pb.Shard | None:
    """A share of the work; all of it goes without saying."""
    return pb.Shard(index=shard.index, count=shard.count) if shard.count > 1 else None


def to_shard(shard: pb.Shard) -> Shard:
    """A share as it was asked for."""
    return Shard(index=shard.index, count=shard.count or 1)


def to_page(response: pb.ListExpiredResponse | pb.ListOrphansResponse) -> Page:
    """A page of either listing."""
    return Page(
        items=tuple(to_item(item) for item in response.items),
        store_time=_time(response.store_time),
        next_page_token=response.next_page_token,
        objects_seen=response.objects_seen if isinstance(response, pb.ListOrphansResponse) else 0,
        oldest_object_time=_oldest(response),
    )


def _oldest(response: pb.ListExpiredResponse | pb.ListOrphansResponse) -> datetime | None:
    if isinstance(response, pb.ListOrphansResponse) and response.HasField("oldest_object_time"):
        return _time(response.oldest_object_time)
    return None


def to_store(response: pb.DescribeStoreResponse) -> StoreFacts:
    """The store as it said it is."""
    return StoreFacts(
        backend=response.backend,
        bucket=response.bucket,
        region=response.region,
        settings=tuple(Setting(name=one.name, seen=one.seen, deletes=one.deletes) for one in response.settings),
    )


def to_certificate(message: pb.Certificate) -> Certificate:
    """A certificate as storage keeps it."""
    return Certificate(
        sequence=message.sequence,
        body=message.body,
        sha256=message.sha256,
        previous_sha256=message.previous_sha256,
        create_time=_time(message.create_time),
    )


def to_answer(response: pb.PurgeAudioResponse) -> PurgeAnswer:
    """The answer about a batch."""
    return PurgeAnswer(
        results=tuple(_result(result) for result in response.results), store_time=_time(response.store_time)
    )


def to_verdicts(response: pb.VerifyGoneResponse) -> tuple[Verdict, ...]:
    """What the store said about each item."""
    return tuple(Verdict(object_gone=verdict.object_gone, row_gone=verdict.row_gone) for verdict in response.verdicts)


def _result(result: pb.PurgeAudioResponse.Result) -> PurgeResult:
    # An outcome that is not known counts as a failure: nothing is called deleted unless storage said so.
    return PurgeResult(
        outcome=_OUTCOMES.get(result.outcome, Outcome.FAILED),
        size_bytes=result.size_bytes,
        failure=_failure(result.failure) if result.HasField("failure") else "",
    )


def _failure(failure: failure_pb2.Failure) -> str:
    if failure.reason in error_reason_pb2.ErrorReason.values():
        return error_reason_pb2.ErrorReason.Name(failure.reason).removeprefix(_REASON_PREFIX)
    return f"UNKNOWN_{failure.reason}"


def _time(timestamp: Timestamp) -> datetime:
    return timestamp.ToDatetime(tzinfo=UTC)

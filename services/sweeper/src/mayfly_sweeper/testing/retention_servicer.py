"""Serves a fake over gRPC, as storage would."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

import grpc
import grpc.aio
from mayfly.storage.v1 import error_reason_pb2
from mayfly.storage.v1 import retention_service_pb2 as pb
from mayfly.storage.v1 import retention_service_pb2_grpc as stubs

from mayfly_runtime.errors import ErrorTable, Mapped
from mayfly_sweeper.adapters.wire import from_item, to_item, to_shard
from mayfly_sweeper.domain.errors import CertificateConflictError, StorageError, StorageUnavailableError
from mayfly_sweeper.domain.items import MAX_BATCH, PurgeResult, Scope

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from mayfly_sweeper.domain.certificate import Certificate
    from mayfly_sweeper.testing.retention import FakeRetention

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"

T = TypeVar("T")

FAKE_ERRORS: Final[ErrorTable] = {
    CertificateConflictError: Mapped(grpc.StatusCode.ABORTED, "CERTIFICATE_CONFLICT"),
}
"""What a server of it answers where that has a reason of its own."""


class FakeRetentionServicer(stubs.RetentionServiceServicer):
    """Serves a `FakeRetention` as storage would."""

    def __init__(self, retention: FakeRetention) -> None:
        self._retention = retention

    async def ListExpired(self, request: pb.ListExpiredRequest, context: Context) -> pb.ListExpiredResponse:
        """Serve `list_expired`."""
        scope = replace(_scope(request), due_before=_due_before(request))
        page = await _or_abort(self._retention.list_expired(scope, request.page_token), context)
        response = pb.ListExpiredResponse(items=map(from_item, page.items), next_page_token=page.next_page_token)
        response.store_time.FromDatetime(page.store_time)
        return response

    async def ListOrphans(self, request: pb.ListOrphansRequest, context: Context) -> pb.ListOrphansResponse:
        """Serve `list_orphans`."""
        scope = _scope(request)
        page = await _or_abort(self._retention.list_orphans(scope, request.page_token), context)
        response = pb.ListOrphansResponse(
            items=map(from_item, page.items), next_page_token=page.next_page_token, objects_seen=page.objects_seen
        )
        response.store_time.FromDatetime(page.store_time)
        return response

    async def PurgeAudio(self, request: pb.PurgeAudioRequest, context: Context) -> pb.PurgeAudioResponse:
        """Serve `purge`."""
        items = [to_item(item) for item in request.items]
        answer = await _or_abort(self._retention.purge(items, validate_only=request.validate_only), context)
        response = pb.PurgeAudioResponse(results=map(_result, answer.results))
        response.store_time.FromDatetime(answer.store_time)
        return response

    async def DescribeStore(self, _: pb.DescribeStoreRequest, context: Context) -> pb.DescribeStoreResponse:
        """Serve `describe_store`."""
        store = await _or_abort(self._retention.describe_store(), context)
        settings = [
            pb.DescribeStoreResponse.Setting(name=one.name, seen=one.seen, deletes=one.deletes)
            for one in store.settings
        ]
        return pb.DescribeStoreResponse(
            backend=store.backend, bucket=store.bucket, region=store.region, settings=settings
        )

    async def AppendCertificate(
        self, request: pb.AppendCertificateRequest, context: Context
    ) -> pb.AppendCertificateResponse:
        """Serve `append`."""
        appending = self._retention.append(
            request.body, previous_sha256=request.previous_sha256, request_id=request.request_id
        )
        return pb.AppendCertificateResponse(certificate=_certificate(await _or_abort(appending, context)))

    async def ListCertificates(
        self, request: pb.ListCertificatesRequest, context: Context
    ) -> pb.ListCertificatesResponse:
        """Serve `newest`."""
        asking = self._retention.newest(page_size=request.page_size or 20, page_token=request.page_token)
        page = await _or_abort(asking, context)
        return pb.ListCertificatesResponse(
            certificates=map(_certificate, page.certificates), next_page_token=page.next_page_token
        )

    async def VerifyGone(self, request: pb.VerifyGoneRequest, context: Context) -> pb.VerifyGoneResponse:
        """Serve `verify_gone`."""
        items = [to_item(item) for item in request.items]
        verdicts = await _or_abort(self._retention.verify_gone(items), context)
        told = [pb.VerifyGoneResponse.Verdict(object_gone=one.object_gone, row_gone=one.row_gone) for one in verdicts]
        return pb.VerifyGoneResponse(verdicts=told)


async def _or_abort(answer: Awaitable[T], context: Context) -> T:
    try:
        return await answer
    except CertificateConflictError:
        raise  # its place is the server's error table
    except StorageUnavailableError as error:
        await context.abort(grpc.StatusCode.UNAVAILABLE, str(error))
    except StorageError as error:
        await context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))


def _certificate(one: Certificate) -> pb.Certificate:
    message = pb.Certificate(
        sequence=one.sequence, body=one.body, sha256=one.sha256, previous_sha256=one.previous_sha256
    )
    message.create_time.FromDatetime(one.create_time)
    return message


def _result(result: PurgeResult) -> pb.PurgeAudioResponse.Result:
    message = pb.PurgeAudioResponse.Result(
        outcome=pb.PurgeAudioResponse.Outcome.Value(f"OUTCOME_{result.outcome}"), size_bytes=result.size_bytes
    )
    if result.failure:
        message.failure.reason = error_reason_pb2.ErrorReason.Value(f"ERROR_REASON_{result.failure}")
    return message


def _scope(request: pb.ListExpiredRequest | pb.ListOrphansRequest) -> Scope:
    return Scope(collection=request.collection, shard=to_shard(request.shard), page_size=request.page_size or MAX_BATCH)


def _due_before(request: pb.ListExpiredRequest) -> datetime | None:
    return request.due_before.ToDatetime(tzinfo=UTC) if request.HasField("due_before") else None

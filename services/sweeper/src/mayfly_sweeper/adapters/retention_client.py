"""`Retention` over gRPC: the only module that calls storage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

import grpc
import grpc.aio
from mayfly.storage.v1 import retention_service_pb2 as pb
from mayfly.storage.v1 import retention_service_pb2_grpc as stubs

from mayfly_client.channel import Tls, open_channel
from mayfly_client.errors import (
    DeadlineError,
    MayflyError,
    ServerBusyError,
    ServerError,
    UnavailableError,
    from_rpc_error,
)
from mayfly_sweeper.adapters.wire import (
    from_item,
    from_shard,
    to_answer,
    to_certificate,
    to_page,
    to_store,
    to_verdicts,
)
from mayfly_sweeper.domain.certificate import Certificate, CertificatePage, StoreFacts
from mayfly_sweeper.domain.errors import (
    CertificateConflictError,
    StorageError,
    StorageRefusedError,
    StorageUnavailableError,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence
    from datetime import timedelta

    from mayfly_sweeper.domain.items import DueItem, Page, PurgeAnswer, Scope, Verdict

T = TypeVar("T")


class StorageChannelError(Exception):
    """The way to storage cannot be opened: a missing file, or a token that would travel in plaintext."""


# Trying again later may help with these; with everything else, something has to be mended first.
_PASSING: Final = (UnavailableError, DeadlineError, ServerBusyError, ServerError)
_WRONG_PORT: Final = "RetentionService has a port of its own: look whether MAYFLY_SWEEPER_RETENTION_TARGET names it."


class RetentionClient:
    """Storage's retention service behind a channel: `Retention` and `Certificates`.

    Retries are the channel's affair (its service config).
    """

    def __init__(self, channel: grpc.aio.Channel, *, target: str, call_timeout: timedelta) -> None:
        """Take a ready channel.

        Args:
            channel: To storage's retention port; its owner closes it.
            target: Its address, for error messages.
            call_timeout: The end of each call, retries included.
        """
        self._stub = stubs.RetentionServiceStub(channel)
        self._target = target
        self._timeout = call_timeout.total_seconds()

    async def list_expired(self, scope: Scope, page_token: str) -> Page:
        """One page of rows that are due."""
        request = pb.ListExpiredRequest(
            collection=scope.collection, shard=from_shard(scope.shard), page_size=scope.page_size, page_token=page_token
        )
        if scope.due_before is not None:
            request.due_before.FromDatetime(scope.due_before)
        return to_page(await self._call(self._stub.ListExpired(request, timeout=self._timeout)))

    async def list_orphans(self, scope: Scope, page_token: str) -> Page:
        """One page of orphans."""
        request = pb.ListOrphansRequest(
            collection=scope.collection, shard=from_shard(scope.shard), page_size=scope.page_size, page_token=page_token
        )
        return to_page(await self._call(self._stub.ListOrphans(request, timeout=self._timeout)))

    async def purge(self, items: Sequence[DueItem], *, validate_only: bool) -> PurgeAnswer:
        """Delete items that are still due."""
        request = pb.PurgeAudioRequest(items=map(from_item, items), validate_only=validate_only)
        answer = to_answer(await self._call(self._stub.PurgeAudio(request, timeout=self._timeout)))
        _require_one_each(len(items), len(answer.results), "PurgeAudio")
        return answer

    async def verify_gone(self, items: Sequence[DueItem]) -> tuple[Verdict, ...]:
        """Ask the store itself whether items are gone."""
        request = pb.VerifyGoneRequest(items=map(from_item, items))
        verdicts = to_verdicts(await self._call(self._stub.VerifyGone(request, timeout=self._timeout)))
        _require_one_each(len(items), len(verdicts), "VerifyGone")
        return verdicts

    async def describe_store(self) -> StoreFacts:
        """What the store is."""
        return to_store(await self._call(self._stub.DescribeStore(pb.DescribeStoreRequest(), timeout=self._timeout)))

    async def append(self, body: bytes, *, previous_sha256: bytes, request_id: str) -> Certificate:
        """Add a certificate behind the newest."""
        request = pb.AppendCertificateRequest(request_id=request_id, body=body, previous_sha256=previous_sha256)
        answer = await self._call(self._stub.AppendCertificate(request, timeout=self._timeout))
        return to_certificate(answer.certificate)

    async def newest(self, *, page_size: int, page_token: str) -> CertificatePage:
        """A page of certificates, newest first."""
        request = pb.ListCertificatesRequest(page_size=page_size, page_token=page_token)
        page = await self._call(self._stub.ListCertificates(request, timeout=self._timeout))
        return CertificatePage(
            certificates=tuple(map(to_certificate, page.certificates)), next_page_token=page.next_page_token
        )

    async def _call(self, call: Awaitable[T]) -> T:
        try:
            return await call
        except grpc.aio.AioRpcError as error:
            raise _translated(from_rpc_error(error, service="storage", target=self._target)) from error


def open_storage_channel(
    target: str,
    *,
    token: str | None,
    tls: Tls | None,
    interceptors: Sequence[grpc.aio.ClientInterceptor],
) -> grpc.aio.Channel:
    """Open a channel to storage's retention port.

    Raises:
        StorageChannelError: With what is wrong with the settings.
    """
    try:
        return open_channel(target, token=token, tls=tls, interceptors=interceptors)
    except (ValueError, OSError) as error:
        raise StorageChannelError(f"cannot open a channel to {target}: {error}") from error


def _translated(error: MayflyError) -> StorageError:
    if isinstance(error, _PASSING):
        return StorageUnavailableError(str(error), retry_after=error.retry_after)
    if error.reason == "CERTIFICATE_CONFLICT":
        return CertificateConflictError()
    if error.code is grpc.StatusCode.UNIMPLEMENTED:
        return StorageRefusedError(f"{error} {_WRONG_PORT}", storage_reason=error.reason)
    return StorageRefusedError(str(error), storage_reason=error.reason)


def _require_one_each(asked: int, answered: int, method: str) -> None:
    """An answer of another length cannot be matched with its items, so nothing in it may be believed."""
    if asked != answered:
        raise StorageRefusedError(
            f"{method} answered about {answered} items, and was asked about {asked}.", storage_reason="MALFORMED_ANSWER"
        )

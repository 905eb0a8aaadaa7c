"""RetentionService: parse, call, convert. Errors travel as exceptions to the runtime's error table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from mayfly.storage.v1 import retention_service_pb2 as pb
from mayfly.storage.v1 import retention_service_pb2_grpc as stubs

from mayfly_storage.transport import certificates, page_tokens, retention_requests, retention_responses

if TYPE_CHECKING:
    import grpc.aio

    from mayfly_storage.usecases.assembly import RetentionUseCases

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"


class RetentionServicer(stubs.RetentionServiceServicer):
    """The RPCs over the use cases."""

    def __init__(self, calls: RetentionUseCases) -> None:
        """Take what it serves."""
        self._calls = calls

    async def ListExpired(self, request: pb.ListExpiredRequest, _: Context) -> pb.ListExpiredResponse:
        """A page of due rows."""
        search, before = retention_requests.list_expired(request)
        page = await self._calls.list_expired(
            collection=search.collection,
            before=before,
            shard=search.shard,
            limit=search.limit,
            cursor=page_tokens.read(request),
        )
        return retention_responses.list_expired(page, page_tokens.make(request, page.cursor))

    async def ListOrphans(self, request: pb.ListOrphansRequest, _: Context) -> pb.ListOrphansResponse:
        """A page of objects without rows, and of rows without objects."""
        search = retention_requests.list_orphans(request)
        page = await self._calls.list_orphans(
            collection=search.collection, shard=search.shard, limit=search.limit, cursor=page_tokens.read(request)
        )
        return retention_responses.list_orphans(page, page_tokens.make(request, page.cursor))

    async def PurgeAudio(self, request: pb.PurgeAudioRequest, _: Context) -> pb.PurgeAudioResponse:
        """Delete what is due, an outcome for each item."""
        items = retention_requests.items(request)
        results = await self._calls.purge_audio(items, validate_only=request.validate_only)
        return retention_responses.purge_audio(items, results, await self._calls.read_store_time())

    async def VerifyGone(self, request: pb.VerifyGoneRequest, _: Context) -> pb.VerifyGoneResponse:
        """Ask the stores themselves."""
        verdicts = await self._calls.verify_gone(retention_requests.items(request))
        return retention_responses.verify_gone(verdicts, await self._calls.read_store_time())

    async def AppendCertificate(self, request: pb.AppendCertificateRequest, _: Context) -> pb.AppendCertificateResponse:
        """Add to the chain."""
        new = certificates.append_certificate(request)
        added = await self._calls.append_certificate(
            new.body, previous_sha256=new.previous_sha256, request_id=new.request_id
        )
        return pb.AppendCertificateResponse(certificate=certificates.certificate(added))

    async def ListCertificates(self, request: pb.ListCertificatesRequest, _: Context) -> pb.ListCertificatesResponse:
        """A page of the chain, newest first."""
        limit = certificates.page_limit(request)
        page = await self._calls.list_certificates(limit=limit, cursor=page_tokens.read(request))
        return certificates.list_certificates(page, page_tokens.make(request, page.cursor))

    async def DescribeStore(self, _request: pb.DescribeStoreRequest, _: Context) -> pb.DescribeStoreResponse:
        """What a certificate says of the store."""
        return certificates.describe_store(await self._calls.describe_store())

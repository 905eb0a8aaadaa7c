"""SweeperService: parse, call, convert. Errors travel as exceptions to the runtime's error table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from mayfly.sweeper.v1 import sweeper_service_pb2 as pb
from mayfly.sweeper.v1 import sweeper_service_pb2_grpc as stubs

from mayfly_sweeper.domain.errors import PageTokenInvalidError, StorageRefusedError
from mayfly_sweeper.transport import requests, responses

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import grpc.aio

    from mayfly_sweeper.domain.ports import Certificates
    from mayfly_sweeper.domain.sweep import SweepOrder
    from mayfly_sweeper.transport.page_tokens import PageTokens
    from mayfly_sweeper.usecases.sweeps import Sweeps

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"


class SweeperServicer(stubs.SweeperServiceServicer):
    """The RPCs over the sweeps of this server."""

    def __init__(self, sweeps: Sweeps, certificates: Certificates, *, defaults: SweepOrder, tokens: PageTokens) -> None:
        """Take what it serves.

        Args:
            sweeps: The sweeps of this server.
            certificates: Storage's chain.
            defaults: What a request leaves out.
            tokens: Of ListSweeps.
        """
        self._sweeps = sweeps
        self._certificates = certificates
        self._defaults = defaults
        self._tokens = tokens

    async def StartSweep(self, request: pb.StartSweepRequest, context: Context) -> pb.StartSweepResponse:  # noqa: ARG002 - the shape of an RPC
        """Begin a sweep and return at once."""
        order, request_id = requests.sweep_order(request, self._defaults)
        return pb.StartSweepResponse(sweep=responses.sweep(self._sweeps.start(order, request_id=request_id)))

    async def WatchSweep(
        self,
        request: pb.WatchSweepRequest,
        context: Context,  # noqa: ARG002 - the shape of an RPC
    ) -> AsyncIterator[pb.WatchSweepResponse]:
        """The sweep as it is, after each change, and at its end."""
        async for sweep in self._sweeps.watch(requests.sweep_name(request)):
            yield pb.WatchSweepResponse(sweep=responses.sweep(sweep))

    async def GetSweep(self, request: pb.GetSweepRequest, context: Context) -> pb.GetSweepResponse:  # noqa: ARG002 - the shape of an RPC
        """One sweep."""
        return pb.GetSweepResponse(sweep=responses.sweep(self._sweeps.get(requests.sweep_name(request))))

    async def ListSweeps(self, request: pb.ListSweepsRequest, context: Context) -> pb.ListSweepsResponse:  # noqa: ARG002 - the shape of an RPC
        """A page of the remembered sweeps, newest first."""
        size = requests.page_size(request)
        before = self._tokens.read(request.page_token) if request.page_token else None
        page = self._sweeps.page(size=size, before=before)
        return pb.ListSweepsResponse(
            sweeps=map(responses.sweep, page.sweeps),
            next_page_token="" if page.last is None else self._tokens.make(page.last),
        )

    async def ListCertificates(
        self,
        request: pb.ListCertificatesRequest,
        context: Context,  # noqa: ARG002 - the shape of an RPC
    ) -> pb.ListCertificatesResponse:
        """A page of storage's chain, newest first."""
        size = requests.page_size(request)
        try:
            page = await self._certificates.newest(page_size=size, page_token=request.page_token)
        except StorageRefusedError as error:
            # The token is storage's own.
            if error.storage_reason == "PAGE_TOKEN_INVALID":
                raise PageTokenInvalidError from None
            raise
        return pb.ListCertificatesResponse(
            certificates=map(responses.certificate, page.certificates), next_page_token=page.next_page_token
        )

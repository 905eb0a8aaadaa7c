"""A service in all four kinds of RPC, bytes in and bytes out, and ways to serve and call it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
import pytest

from mayfly_runtime.testing import serve_in_process

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

SERVICE = "test.v1.EchoService"


class Echo:
    """Answers what it is sent, after doing what the test wants done within the RPC."""

    def __init__(self) -> None:
        self.act: Callable[[Any], Awaitable[object]] = self._nothing

    async def _nothing(self, request: Any) -> None:
        """Do nothing before answering."""

    async def unary_unary(self, request: Any, context: object) -> Any:
        await self.act(request)
        return request

    async def unary_stream(self, request: Any, context: object) -> AsyncIterator[Any]:
        yield request
        await self.act(request)
        yield request

    async def stream_unary(self, requests: AsyncIterator[Any], context: object) -> Any:
        last = b""
        async for request in requests:
            last = request
            await self.act(request)
        return last

    async def stream_stream(self, requests: AsyncIterator[Any], context: object) -> AsyncIterator[Any]:
        async for request in requests:
            await self.act(request)
            yield request


def register_echo(servicer: Any, server: grpc.aio.Server) -> None:
    """What a generated `add_...Servicer_to_server` does."""
    handlers = {
        "unary_unary": grpc.unary_unary_rpc_method_handler(servicer.unary_unary, bytes, bytes),
        "unary_stream": grpc.unary_stream_rpc_method_handler(servicer.unary_stream, bytes, bytes),
        "stream_unary": grpc.stream_unary_rpc_method_handler(servicer.stream_unary, bytes, bytes),
        "stream_stream": grpc.stream_stream_rpc_method_handler(servicer.stream_stream, bytes, bytes),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    server.add_registered_method_handlers(SERVICE, handlers)


async def call_echo(channel: grpc.aio.Channel, kind: str, payload: bytes = b"hello", **options: Any) -> list[bytes]:
    """Call one kind with one payload, and answer all that comes back."""
    begin = getattr(channel, kind)(f"/{SERVICE}/{kind}")
    request: Any = payload if kind.startswith("unary") else _once(payload)
    call = begin(request, **options)
    if kind.endswith("unary"):
        return [await call]
    return [response async for response in call]


async def _once(payload: bytes) -> AsyncIterator[bytes]:
    yield payload


@pytest.fixture(params=["unary_unary", "unary_stream", "stream_unary", "stream_stream"])
def kind(request: pytest.FixtureRequest) -> str:
    """Each of the four kinds of RPC."""
    return str(request.param)


@pytest.fixture
def echo() -> Echo:
    return Echo()


@pytest.fixture
def register() -> Callable[[Any, grpc.aio.Server], None]:
    return register_echo


@pytest.fixture
def service() -> str:
    return SERVICE


@pytest.fixture
def call() -> Callable[..., Awaitable[list[bytes]]]:
    return call_echo


@pytest.fixture
def serve(echo: Echo) -> Callable[..., Any]:
    """`async with serve(errors=..., callers=...) as channel`."""
    return partial(serve_in_process, register_echo, echo, service=SERVICE)

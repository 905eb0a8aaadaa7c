"""Health at an address of its own, for probes that have no certificate."""

from __future__ import annotations

import asyncio
import socket
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
import pytest
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from mayfly_runtime.identity import CallerRegistry
from mayfly_runtime.probe import ask
from mayfly_runtime.server import PortInUseError, Readiness, ServerBuilder
from mayfly_runtime.telemetry import Telemetry
from mayfly_runtime.testing import options_for_tests, running

if TYPE_CHECKING:
    from collections.abc import Callable

SERVICE = "test.v1.A"
MINUTE = timedelta(minutes=1)


@pytest.fixture
def readiness() -> Readiness:
    return Readiness()


@pytest.fixture
def probed(readiness: Readiness) -> Callable[[str], ServerBuilder]:
    def build(health_listen: str) -> ServerBuilder:
        builder = ServerBuilder(
            options_for_tests(health_listen=health_listen),
            domain="test.mayfly",
            errors={},
            callers=CallerRegistry.loopback_only(),
            telemetry=Telemetry.disabled(),
        )
        return builder.add(register, None, service=SERVICE, readiness=readiness)

    return build


def register(_: Any, server: grpc.aio.Server) -> None:
    server.add_registered_method_handlers(SERVICE, {})


async def test_it_tells_what_the_server_tells(probed: Callable[[str], ServerBuilder], readiness: Readiness) -> None:
    readiness.set(ready=False, reason="loading voices")
    async with running(probed("127.0.0.1:0")) as server:
        assert server.health_address != server.address
        assert await asyncio.to_thread(ask, server.health_address, timeout=MINUTE) == (False, "NOT_SERVING")

        readiness.set(ready=True)
        assert await asyncio.to_thread(ask, server.health_address, SERVICE, timeout=MINUTE) == (True, "SERVING")


async def test_it_serves_nothing_else(probed: Callable[[str], ServerBuilder]) -> None:
    async with (
        running(probed("127.0.0.1:0")) as server,
        grpc.aio.insecure_channel(server.health_address) as channel,
    ):
        stub: Any = reflection_pb2_grpc.ServerReflectionStub(channel)
        call = stub.ServerReflectionInfo(iter([reflection_pb2.ServerReflectionRequest(list_services="")]))
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call.read()
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_it_goes_with_the_server(probed: Callable[[str], ServerBuilder]) -> None:
    async with running(probed("127.0.0.1:0")) as server:
        await server.drain()
        healthy, answer = await asyncio.to_thread(ask, server.health_address, timeout=MINUTE)

    assert not healthy
    assert answer.startswith("UNAVAILABLE")


async def test_if_it_is_taken_the_server_does_not_start(probed: Callable[[str], ServerBuilder]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(PortInUseError, match=address):
            await probed(address).start()

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from mayfly_runtime.identity import Caller, CallerRegistry
from mayfly_runtime.server import Readiness, ServerBuilder
from mayfly_runtime.telemetry import Telemetry
from mayfly_runtime.testing import options_for_tests, running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
A, B = "test.v1.A", "test.v1.B"


class Two:
    """A server with two services, each with a readiness."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.stub: Any = health_pb2_grpc.HealthStub(channel)
        self.channel = channel

    async def check(self, service: str = "") -> Any:
        return (await self.stub.Check(health_pb2.HealthCheckRequest(service=service))).status

    def watch(self, service: str = "") -> Any:
        return self.stub.Watch(health_pb2.HealthCheckRequest(service=service))


@pytest.fixture
def readiness() -> dict[str, Readiness]:
    return {A: Readiness(), B: Readiness(ready=False, reason="loading voices")}


def named(service: str) -> Any:
    def register(_: Any, server: grpc.aio.Server) -> None:
        server.add_registered_method_handlers(service, {})

    return register


@pytest.fixture
def builder(readiness: dict[str, Readiness]) -> ServerBuilder:
    # Nobody may call anything: health and reflection are open all the same.
    callers = CallerRegistry((Caller("nobody", ("/x.Y/Z",), common_name="nobody"),))
    builder = ServerBuilder(
        options_for_tests(), domain="test.mayfly", errors={}, callers=callers, telemetry=Telemetry.disabled()
    )
    for service, ready in readiness.items():
        builder.add(named(service), None, service=service, readiness=ready)
    return builder


@pytest.fixture
async def two(builder: ServerBuilder) -> AsyncIterator[Two]:
    async with running(builder) as server, grpc.aio.insecure_channel(server.address) as channel:
        yield Two(channel)


async def next_status(watch: Any) -> Any:
    return (await asyncio.wait_for(watch.read(), 10)).status


async def test_each_service_tells_its_own_readiness(two: Two) -> None:
    assert await two.check(A) == SERVING
    assert await two.check(B) == NOT_SERVING


async def test_the_server_serves_when_all_services_do(two: Two, readiness: dict[str, Readiness]) -> None:
    assert await two.check() == NOT_SERVING
    watch = two.watch()
    assert await next_status(watch) == NOT_SERVING

    readiness[B].set(ready=True)

    assert await next_status(watch) == SERVING
    watch.cancel()


async def test_readiness_may_change_in_any_thread(two: Two, readiness: dict[str, Readiness]) -> None:
    watch = two.watch(A)
    assert await next_status(watch) == SERVING

    await asyncio.to_thread(lambda: readiness[A].set(ready=False, reason="the bucket is gone"))

    assert await next_status(watch) == NOT_SERVING
    assert (readiness[A].ready, readiness[A].reason) == (False, "the bucket is gone")
    watch.cancel()


async def test_all_services_are_listed(two: Two) -> None:
    messages: Any = health_pb2
    statuses = (await two.stub.List(messages.HealthListRequest())).statuses

    assert {name: told.status for name, told in statuses.items()} == {"": NOT_SERVING, A: SERVING, B: NOT_SERVING}


async def test_a_service_that_is_not_there_is_not_found(two: Two) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await two.check("no.such.Service")

    assert failed.value.code() is grpc.StatusCode.NOT_FOUND


async def test_why_a_service_is_not_ready_is_logged(
    two: Two, readiness: dict[str, Readiness], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    watch = two.watch(A)
    await next_status(watch)

    readiness[A].set(ready=False, reason="the bucket is gone")
    await next_status(watch)

    (event,) = [record for record in caplog.records if record.getMessage() == "readiness_changed"]
    assert (event.__dict__["service"], event.__dict__["because"]) == (A, "the bucket is gone")
    watch.cancel()


async def test_a_draining_server_says_so_and_lets_its_watchers_go(builder: ServerBuilder) -> None:
    server = await builder.start()
    async with grpc.aio.insecure_channel(server.address) as channel:
        watch = Two(channel).watch(A)
        assert await next_status(watch) == SERVING

        await server.drain()

        assert await next_status(watch) == NOT_SERVING
        with pytest.raises(grpc.aio.AioRpcError) as ended:
            await watch.read()
    assert ended.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_readiness_does_not_bring_a_draining_server_back(
    builder: ServerBuilder, readiness: dict[str, Readiness]
) -> None:
    server = await builder.start()
    async with grpc.aio.insecure_channel(server.address) as channel:
        watch = Two(channel).watch(B)
        assert await next_status(watch) == NOT_SERVING

        draining = asyncio.create_task(server.drain())
        readiness[B].set(ready=True)
        await draining

        with pytest.raises(grpc.aio.AioRpcError):
            await watch.read()

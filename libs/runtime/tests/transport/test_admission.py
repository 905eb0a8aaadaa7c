from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import grpc
import grpc.aio
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from mayfly_runtime.testing import options_for_tests, rpc_error


class Held:
    """Keeps RPCs running until the test lets them go."""

    def __init__(self) -> None:
        self.running = 0
        self.full = asyncio.Event()
        self.go = asyncio.Event()

    async def act(self, request: Any) -> None:
        self.running += 1
        if self.running == 2:
            self.full.set()
        await self.go.wait()


async def test_what_would_be_one_too_many_is_told_that_the_server_is_busy(
    serve: Any, echo: Any, call: Any, kind: str
) -> None:
    held = Held()
    echo.act = held.act
    async with serve(options=options_for_tests(max_concurrent_rpcs=2)) as channel:
        admitted = [asyncio.create_task(call(channel, kind)) for _ in range(2)]
        await held.full.wait()
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await call(channel, kind)
        # Probes are answered all the same.
        health: Any = health_pb2_grpc.HealthStub(channel)
        assert (await health.Check(health_pb2.HealthCheckRequest())).status == health_pb2.HealthCheckResponse.SERVING
        held.go.set()
        await asyncio.gather(*admitted)
        await call(channel, kind)

    details = rpc_error(failed)
    assert (details.code, details.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "SERVER_BUSY")
    assert details.metadata == {"resource": "RPC slots", "limit": "2"}
    assert details.retry_after == timedelta(seconds=1)


async def test_a_cancelled_rpc_makes_room(serve: Any, echo: Any, call: Any, service: str) -> None:
    held = Held()
    echo.act = held.act
    async with serve(options=options_for_tests(max_concurrent_rpcs=2)) as channel:
        calls = [channel.unary_unary(f"/{service}/unary_unary")(b"") for _ in range(2)]
        await held.full.wait()
        for running in calls:
            running.cancel()
        held.go.set()

        async def until_admitted() -> None:
            while True:
                try:
                    await call(channel, "unary_unary")
                except grpc.aio.AioRpcError as error:
                    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED  # noqa: PT017 - any other is a failure
                else:
                    return

        await asyncio.wait_for(until_admitted(), 10)

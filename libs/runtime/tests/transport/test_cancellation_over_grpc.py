"""What becomes of an RPC that is cancelled, abandoned, or aborted by its servicer."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import grpc.aio
import pytest

from mayfly_runtime.testing import rpc_error


async def test_cancellation_is_no_error(serve: Any, echo: Any, service: str, caplog: pytest.LogCaptureFixture) -> None:
    begun, cancelled = asyncio.Event(), asyncio.Event()

    async def act(request: Any) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    echo.act = act
    async with serve() as channel:
        call = channel.unary_unary(f"/{service}/unary_unary")(b"")
        await begun.wait()
        call.cancel()
        await asyncio.wait_for(cancelled.wait(), 10)

    assert "rpc_failed" not in caplog.text


async def test_a_cancellation_that_was_not_meant_for_the_rpc_is_answered(
    serve: Any, echo: Any, call: Any, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def act(request: Any) -> None:
        downstream = asyncio.get_running_loop().create_future()
        downstream.cancel()
        await downstream

    echo.act = act
    async with serve() as channel:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await call(channel, kind)

    assert rpc_error(failed).reason == "INTERNAL"
    (record,) = [record for record in caplog.records if record.getMessage() == "rpc_failed"]
    assert record.__dict__["exception"] == "StrayCancellationError"


async def test_an_abandoned_stream_closes_its_generator_at_once(serve: Any, echo: Any, service: str) -> None:
    closed = asyncio.Event()

    async def endless(request: Any, context: Any) -> Any:
        try:
            while True:
                yield request
        finally:
            closed.set()

    echo.unary_stream = endless
    async with serve() as channel:
        call = channel.unary_stream(f"/{service}/unary_stream")(b"x")
        assert await call.read() == b"x"
        call.cancel()
        await asyncio.wait_for(closed.wait(), 10)

    assert closed.is_set()


async def test_a_servicer_that_aborts_by_itself_is_left_alone(serve: Any, echo: Any, call: Any) -> None:
    async def aborting(request: Any, context: Any) -> Any:
        await context.abort(grpc.StatusCode.OUT_OF_RANGE, "so far")

    echo.unary_unary = aborting
    async with serve() as channel:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await call(channel, "unary_unary")

    assert (failed.value.code(), failed.value.details()) == (grpc.StatusCode.OUT_OF_RANGE, "so far")

from __future__ import annotations

import asyncio
import contextvars
from contextlib import suppress
from datetime import timedelta
from typing import Any

import grpc
import grpc.aio
import pytest

from mayfly_runtime import deadlines
from mayfly_runtime.deadlines import SHAVE, DeadlineInterceptor, deadline_client_interceptors, time_left
from mayfly_runtime.interception import Call
from mayfly_runtime.offload import Offload
from mayfly_runtime.testing import options_for_tests, rpc_error


class Seen:
    """Notes how much time was left inside of the RPC."""

    def __init__(self) -> None:
        self.left: list[float | None] = []

    async def act(self, request: Any) -> None:
        self.left.append(time_left())

    @property
    def only(self) -> float:
        (left,) = self.left
        assert left is not None
        return left


@pytest.fixture
def seen(echo: Any) -> Seen:
    noting = Seen()
    echo.act = noting.act
    return noting


async def test_a_handler_knows_how_much_time_is_left(serve: Any, seen: Seen, call: Any, kind: str) -> None:
    async with serve() as channel:
        await call(channel, kind, timeout=30)

    assert 0 < seen.only <= 30


async def test_a_call_without_a_deadline_gets_the_servers_default(serve: Any, seen: Seen, call: Any, kind: str) -> None:
    async with serve(options=options_for_tests(default_deadline=timedelta(seconds=50))) as channel:
        await call(channel, kind)

    assert 30 < seen.only <= 50 - SHAVE


async def test_offloaded_work_knows_it_too(serve: Any, echo: Any, call: Any) -> None:
    pool, left = Offload(name="test", workers=1, queue=0), []

    async def act(request: Any) -> None:
        left.append(await pool(time_left))

    echo.act = act
    async with serve() as channel:
        await call(channel, "unary_unary", timeout=30)
    await pool.shutdown()

    assert 0 < left[0] <= 30


async def test_outside_of_an_rpc_there_is_no_deadline() -> None:
    assert time_left() is None


async def test_a_handler_is_cancelled_at_its_deadline(serve: Any, echo: Any, call: Any, kind: str) -> None:
    cancelled = asyncio.Event()

    async def act(request: Any) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    echo.act = act
    # Long enough for the work to begin on any machine.
    async with serve(options=options_for_tests(default_deadline=timedelta(milliseconds=800))) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await call(channel, kind)

    assert cancelled.is_set()
    details = rpc_error(failed)
    assert (details.code, details.reason) == (grpc.StatusCode.DEADLINE_EXCEEDED, "DEADLINE_TOO_SHORT")
    assert details.metadata == {"allowed_ms": "800"}
    assert details.domain == "test.mayfly"


@pytest.mark.parametrize("asked", [0.95, 1, 9.5, 30, 95, 300, 950, 3000])
async def test_the_servers_deadline_is_before_the_callers(asked: float, serve: Any, seen: Seen, call: Any) -> None:
    async with serve() as channel:
        await channel.channel_ready()
        while not seen.left:
            with suppress(grpc.aio.AioRpcError):  # a machine that stands still for a second: no handler heard of it
                await call(channel, "unary_unary", timeout=asked)

    # gRPC sends timeouts rounded up, 30 s as 30.1 s; taking off the shave alone would not do.
    assert [left for left in seen.left if left is None or left >= asked] == []


async def test_a_timeout_of_the_handlers_own_is_not_the_deadline(serve: Any, echo: Any, call: Any) -> None:
    async def act(request: Any) -> None:
        raise TimeoutError

    echo.act = act
    async with serve() as channel:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await call(channel, "unary_unary")

    assert rpc_error(failed).code is grpc.StatusCode.INTERNAL


class LateContext:
    """The context of a call that arrives with too little time left, or that already got its status."""

    def __init__(self, left: float, *, answered: bool = False) -> None:
        self.left = left
        self.answered = answered
        self.told: tuple[Any, ...] = ()

    def time_remaining(self) -> float:
        return self.left

    def done(self) -> bool:
        return self.answered

    async def abort(self, *told: Any) -> None:
        self.told = told
        raise grpc.aio.AbortError


async def test_hopeless_work_is_not_begun() -> None:
    begun = []

    async def inner(request: Any, call: Call) -> None:
        begun.append(request)

    context: Any = LateContext(0.03)
    handler = DeadlineInterceptor(domain="test.mayfly").wrap(inner, "/a/b")
    with pytest.raises(grpc.aio.AbortError):
        await handler(b"", Call("/a/b", context))

    code, message, _ = context.told
    assert begun == []
    assert code is grpc.StatusCode.DEADLINE_EXCEEDED
    assert message == "30 ms are left until the deadline, and no work is begun with less than 50 ms. Nothing was done."


async def test_a_status_that_is_on_its_way_stands_when_the_deadline_comes() -> None:
    async def inner(request: Any, call: Call) -> None:
        await asyncio.Event().wait()

    context: Any = LateContext(0.06, answered=True)
    handler = DeadlineInterceptor(domain="test.mayfly").wrap(inner, "/a/b")
    with pytest.raises(asyncio.CancelledError):
        await handler(b"", Call("/a/b", context))

    assert context.told == ()


async def downstream_deadline(serve: Any, seen: Seen, call: Any, kind: str, **options: Any) -> float:
    interceptors = deadline_client_interceptors(cap=timedelta(seconds=30))
    async with serve(interceptors=interceptors) as channel:
        await call(channel, kind, **options)
    return seen.only


async def test_no_downstream_call_is_without_an_end(serve: Any, seen: Seen, call: Any, kind: str) -> None:
    assert 0 < await downstream_deadline(serve, seen, call, kind) <= 30


async def test_a_shorter_deadline_may_be_asked_for(serve: Any, seen: Seen, call: Any, kind: str) -> None:
    assert 0 < await downstream_deadline(serve, seen, call, kind, timeout=20) <= 20


async def test_a_longer_deadline_is_capped(serve: Any, seen: Seen, call: Any, kind: str) -> None:
    assert 0 < await downstream_deadline(serve, seen, call, kind, timeout=500) <= 30


async def within_an_rpc(left: float, work: Any) -> None:
    """Run `work` as a handler that has so much time left."""

    async def inner(request: Any, call: Call) -> Any:
        return await work()

    context: Any = LateContext(left)
    handler = DeadlineInterceptor(domain="test.mayfly").wrap(inner, "/a/b")
    await asyncio.create_task(handler(b"", Call("/a/b", context)), context=contextvars.copy_context())


async def test_a_downstream_call_ends_before_the_rpc_that_makes_it(
    serve: Any, seen: Seen, call: Any, kind: str
) -> None:
    await within_an_rpc(20, lambda: downstream_deadline(serve, seen, call, kind, timeout=25))

    assert 0 < seen.only <= 20 - SHAVE - 0.05


async def test_a_downstream_call_without_time_left_fails_at_once(serve: Any, seen: Seen, call: Any, kind: str) -> None:
    async def too_late() -> None:
        deadlines._deadline.set(0.0)
        await downstream_deadline(serve, seen, call, kind)

    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await asyncio.create_task(too_late())

    assert failed.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert failed.value.details().endswith("it was not made.")
    assert seen.left == []

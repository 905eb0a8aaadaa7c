from __future__ import annotations

import asyncio
import io
import json
import logging
from typing import Any

import grpc
import grpc.aio
import pytest

from mayfly_runtime.identity import Caller, CallerRegistry, hash_token
from mayfly_runtime.logs import JsonFormatter
from mayfly_runtime.violations import InvalidRequestError, Violation


@pytest.fixture(autouse=True)
def at_info(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")


def access_events(caplog: pytest.LogCaptureFixture) -> list[Any]:
    return [record for record in caplog.records if record.name == "mayfly.access"]


async def test_an_rpc_is_one_event(
    serve: Any, call: Any, kind: str, service: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with serve() as channel:
        await call(channel, kind)

    (event,) = access_events(caplog)
    assert (event.getMessage(), event.levelno) == ("rpc", logging.INFO)
    assert (event.method, event.code, event.reason, event.caller) == (f"/{service}/{kind}", "OK", None, "local")
    assert event.elapsed_ms >= 0


async def test_a_failure_is_logged_with_its_reason(
    serve: Any, echo: Any, call: Any, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def act(request: Any) -> None:
        raise InvalidRequestError(Violation("text", "is empty"))

    echo.act = act
    async with serve() as channel:
        with pytest.raises(grpc.aio.AioRpcError):
            await call(channel, kind)

    (event,) = access_events(caplog)
    assert (event.code, event.reason, event.levelno) == ("INVALID_ARGUMENT", "INVALID_REQUEST", logging.INFO)


async def test_a_failure_of_ours_is_a_warning(
    serve: Any, echo: Any, call: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async def act(request: Any) -> None:
        raise RuntimeError

    echo.act = act
    async with serve() as channel:
        with pytest.raises(grpc.aio.AioRpcError):
            await call(channel, "unary_unary")

    (event,) = access_events(caplog)
    assert (event.code, event.reason, event.levelno) == ("INTERNAL", "INTERNAL", logging.WARNING)


async def test_a_refused_caller_is_logged(serve: Any, call: Any, caplog: pytest.LogCaptureFixture) -> None:
    callers = CallerRegistry((Caller("known", ("/x.Y/*",), token_sha256=hash_token("token")),))
    async with serve(callers=callers) as channel:
        for metadata in ((), (("authorization", "Bearer token"),)):
            with pytest.raises(grpc.aio.AioRpcError):
                await call(channel, "unary_unary", metadata=metadata)

    unknown, forbidden = access_events(caplog)
    assert (unknown.code, unknown.caller) == ("UNAUTHENTICATED", None)
    assert (forbidden.code, forbidden.caller) == ("PERMISSION_DENIED", "known")


async def test_a_caller_that_hangs_up_is_logged_as_cancelled(
    serve: Any, echo: Any, service: str, caplog: pytest.LogCaptureFixture
) -> None:
    begun = asyncio.Event()

    async def act(request: Any) -> None:
        begun.set()
        await asyncio.Event().wait()

    echo.act = act
    async with serve() as channel:
        call = channel.unary_unary(f"/{service}/unary_unary")(b"")
        await begun.wait()
        call.cancel()

    (event,) = access_events(caplog)
    assert event.code == "CANCELLED"


async def test_a_method_that_is_not_there_is_logged_without_its_name(
    serve: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async with serve() as channel:
        with pytest.raises(grpc.aio.AioRpcError):
            await channel.unary_unary("/what.ever/TheCallerSent")(b"")

    (event,) = access_events(caplog)
    assert (event.method, event.code) == ("/_OTHER", "UNIMPLEMENTED")
    assert "TheCallerSent" not in caplog.text


async def test_neither_peer_nor_content_is_logged(serve: Any, call: Any, caplog: pytest.LogCaptureFixture) -> None:
    async with serve() as channel:
        await call(channel, "unary_unary", b"a secret wish")

    (event,) = access_events(caplog)
    assert "127.0.0.1" not in repr(vars(event))
    assert "a secret wish" not in caplog.text


async def test_the_event_carries_the_callers_trace(serve: Any, call: Any, kind: str) -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    logging.getLogger("mayfly.access").addHandler(handler)
    try:
        async with serve() as channel:
            await call(channel, kind, metadata=(("traceparent", f"00-{'ab' * 16}-{'cd' * 8}-01"),))
    finally:
        logging.getLogger("mayfly.access").removeHandler(handler)

    assert json.loads(stream.getvalue())["trace_id"] == "ab" * 16

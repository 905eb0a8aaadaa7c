"""A service that exports nothing passes on the traces of its callers all the same."""

from __future__ import annotations

from typing import Any

from opentelemetry import trace

from mayfly_runtime.telemetry import Telemetry

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


async def test_without_an_exporter_a_trace_still_travels_through(serve: Any, echo: Any, call: Any, kind: str) -> None:
    off = Telemetry.disabled()
    traces: list[int] = []

    async def inner(request: Any) -> None:
        traces.append(trace.get_current_span().get_span_context().trace_id)

    async with serve(telemetry=off, interceptors=off.client_interceptors()) as downstream:

        async def outer(request: Any) -> None:
            echo.act = inner
            await call(downstream, kind)

        echo.act = outer
        async with serve(telemetry=off) as channel:
            await call(channel, "unary_unary", metadata=(("traceparent", PARENT),))

    assert [f"{trace_id:032x}" for trace_id in traces] == [PARENT.split("-")[1]]


async def test_without_an_exporter_and_a_trace_nothing_is_sent(serve: Any, echo: Any, call: Any) -> None:
    off, seen = Telemetry.disabled(), []

    async def unary_unary(request: Any, context: Any) -> Any:
        seen.extend(key for key, _ in context.invocation_metadata())
        return request

    echo.unary_unary = unary_unary
    async with serve(telemetry=off, interceptors=off.client_interceptors()) as channel:
        await call(channel, "unary_unary")

    assert "traceparent" not in seen

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
import pytest
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from mayfly_runtime.errors import Mapped
from mayfly_runtime.identity import Caller, CallerRegistry, hash_token
from mayfly_runtime.offload import Offload
from mayfly_runtime.telemetry import Telemetry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.sdk.trace import ReadableSpan

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Recorded:
    """Telemetry that keeps what it records."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.reader = InMemoryMetricReader()
        self.telemetry = Telemetry.exporting(
            SimpleSpanProcessor(self.exporter), self.reader, service_name="mayfly-test"
        )

    def spans(self, kind: SpanKind) -> list[ReadableSpan]:
        return [span for span in self.exporter.get_finished_spans() if span.kind is kind]

    def span(self, kind: SpanKind) -> ReadableSpan:
        (span,) = self.spans(kind)
        return span

    def points(self, name: str) -> list[tuple[int, dict[str, Any]]]:
        data = self.reader.get_metrics_data()
        if data is None:
            return []
        metrics = [m for r in data.resource_metrics for s in r.scope_metrics for m in s.metrics if m.name == name]
        return [(point.count, dict(point.attributes)) for m in metrics for point in m.data.data_points]  # type: ignore[union-attr]


@pytest.fixture
def recorded() -> Iterator[Recorded]:
    recorded = Recorded()
    yield recorded
    recorded.telemetry.shutdown()


def fail(exc: Exception) -> Any:
    async def act(request: Any) -> None:
        raise exc

    return act


async def test_an_rpc_is_a_server_span_and_a_measurement(
    serve: Any, call: Any, kind: str, service: str, recorded: Recorded
) -> None:
    async with serve(telemetry=recorded.telemetry) as channel:
        await call(channel, kind)

    span = recorded.span(SpanKind.SERVER)
    attributes = {"rpc.system.name": "grpc", "rpc.method": f"{service}/{kind}", "rpc.response.status_code": "OK"}
    assert span.name == f"{service}/{kind}"
    assert dict(span.attributes or {}) == attributes
    assert span.status.status_code is StatusCode.UNSET
    assert span.resource.attributes["service.name"] == "mayfly-test"
    assert recorded.points("rpc.server.call.duration") == [(1, attributes)]


async def test_an_aborted_rpc_has_its_status_in_span_and_measurement(
    serve: Any, echo: Any, call: Any, kind: str, recorded: Recorded
) -> None:
    echo.act = fail(RuntimeError())
    async with serve(telemetry=recorded.telemetry) as channel:
        with pytest.raises(grpc.aio.AioRpcError):
            await call(channel, kind)

    span = recorded.span(SpanKind.SERVER)
    assert span.status.status_code is StatusCode.ERROR
    assert (span.attributes or {})["rpc.response.status_code"] == "INTERNAL"
    assert (span.attributes or {})["error.type"] == "INTERNAL"
    assert (span.attributes or {})["mayfly.reason"] == "INTERNAL"
    ((count, attributes),) = recorded.points("rpc.server.call.duration")
    assert (count, attributes["rpc.response.status_code"], attributes["error.type"]) == (1, "INTERNAL", "INTERNAL")


async def test_a_callers_mistake_is_no_error_of_the_server(
    serve: Any, echo: Any, call: Any, recorded: Recorded
) -> None:
    echo.act = fail(KeyError())
    table = {KeyError: Mapped(grpc.StatusCode.NOT_FOUND, "AUDIO_NOT_FOUND")}
    async with serve(telemetry=recorded.telemetry, errors=table) as channel:
        with pytest.raises(grpc.aio.AioRpcError):
            await call(channel, "unary_unary")

    span = recorded.span(SpanKind.SERVER)
    assert span.status.status_code is StatusCode.UNSET
    assert (span.attributes or {})["rpc.response.status_code"] == "NOT_FOUND"
    assert (span.attributes or {})["mayfly.reason"] == "AUDIO_NOT_FOUND"
    assert "error.type" not in (span.attributes or {})


async def test_a_cancelled_rpc_ends_its_span(serve: Any, echo: Any, service: str, recorded: Recorded) -> None:
    begun = asyncio.Event()

    async def act(request: Any) -> None:
        begun.set()
        await asyncio.Event().wait()

    echo.act = act
    async with serve(telemetry=recorded.telemetry) as channel:
        call = channel.unary_unary(f"/{service}/unary_unary")(b"")
        await begun.wait()
        call.cancel()

    assert (recorded.span(SpanKind.SERVER).attributes or {})["rpc.response.status_code"] == "CANCELLED"


async def test_a_method_that_is_not_there_has_one_name(serve: Any, recorded: Recorded) -> None:
    async with serve(telemetry=recorded.telemetry) as channel:
        for name in ("A", "B"):
            with pytest.raises(grpc.aio.AioRpcError):
                await channel.unary_unary(f"/made.Up/{name}")(b"")

    ((count, attributes),) = recorded.points("rpc.server.call.duration")
    assert (count, attributes["rpc.method"]) == (2, "_OTHER")


async def test_a_refused_caller_is_recorded(serve: Any, call: Any, kind: str, recorded: Recorded) -> None:
    callers = CallerRegistry((Caller("known", ("*",), token_sha256=hash_token("token")),))
    async with serve(telemetry=recorded.telemetry, callers=callers) as channel:
        with pytest.raises(grpc.aio.AioRpcError):
            await call(channel, kind)

    attributes = recorded.span(SpanKind.SERVER).attributes or {}
    assert attributes["rpc.response.status_code"] == "UNAUTHENTICATED"
    assert attributes["mayfly.reason"] == "CALLER_UNAUTHENTICATED"


async def test_a_server_span_continues_the_callers_trace(serve: Any, call: Any, kind: str, recorded: Recorded) -> None:
    async with serve(telemetry=recorded.telemetry) as channel:
        await call(channel, kind, metadata=(("traceparent", PARENT),))

    span = recorded.span(SpanKind.SERVER)
    assert span.context is not None
    assert span.parent is not None
    assert f"{span.context.trace_id:032x}" == PARENT.split("-")[1]
    assert f"{span.parent.span_id:016x}" == PARENT.split("-")[2]


async def test_a_broken_trace_context_begins_a_new_trace(serve: Any, call: Any, recorded: Recorded) -> None:
    async with serve(telemetry=recorded.telemetry) as channel:
        await call(channel, "unary_unary", metadata=(("traceparent", "nonsense"),))

    assert recorded.span(SpanKind.SERVER).parent is None


async def test_work_within_an_rpc_is_part_of_its_trace(
    serve: Any, echo: Any, call: Any, kind: str, recorded: Recorded
) -> None:
    pool = Offload(name="test", workers=1, queue=0)

    def work() -> None:
        with recorded.telemetry.tracer.start_as_current_span("offloaded"):
            pass

    async def act(request: Any) -> None:
        await pool(work)

    echo.act = act
    async with serve(telemetry=recorded.telemetry) as channel:
        await call(channel, kind)
    await pool.shutdown()

    server = recorded.span(SpanKind.SERVER)
    assert recorded.span(SpanKind.INTERNAL).parent == server.context


async def client_and_server(serve: Any, call: Any, kind: str, recorded: Recorded, **options: Any) -> None:
    interceptors = recorded.telemetry.client_interceptors()
    async with serve(telemetry=recorded.telemetry, interceptors=interceptors) as channel:
        await call(channel, kind, **options)


async def test_an_outgoing_rpc_is_a_client_span_and_the_servers_parent(
    serve: Any, call: Any, kind: str, service: str, recorded: Recorded
) -> None:
    await client_and_server(serve, call, kind, recorded)

    client, server = recorded.span(SpanKind.CLIENT), recorded.span(SpanKind.SERVER)
    attributes = {"rpc.system.name": "grpc", "rpc.method": f"{service}/{kind}", "rpc.response.status_code": "OK"}
    assert client.name == f"{service}/{kind}"
    assert dict(client.attributes or {}) == attributes
    assert client.status.status_code is StatusCode.UNSET
    assert server.parent is not None
    assert client.context is not None
    assert server.parent.span_id == client.context.span_id
    assert recorded.points("rpc.client.call.duration") == [(1, attributes)]


async def test_every_status_but_ok_is_an_error_of_the_client(
    serve: Any, echo: Any, call: Any, kind: str, recorded: Recorded
) -> None:
    echo.act = fail(KeyError())
    table = {KeyError: Mapped(grpc.StatusCode.NOT_FOUND, "AUDIO_NOT_FOUND")}
    interceptors = recorded.telemetry.client_interceptors()
    async with serve(telemetry=recorded.telemetry, interceptors=interceptors, errors=table) as channel:
        with pytest.raises(grpc.aio.AioRpcError):
            await call(channel, kind)

    client = recorded.span(SpanKind.CLIENT)
    assert client.status.status_code is StatusCode.ERROR
    assert (client.attributes or {})["rpc.response.status_code"] == "NOT_FOUND"
    assert (client.attributes or {})["error.type"] == "NOT_FOUND"


async def test_a_call_that_never_gets_through_ends_its_span(recorded: Recorded) -> None:
    interceptors = recorded.telemetry.client_interceptors()
    async with grpc.aio.insecure_channel("127.0.0.1:1", interceptors=interceptors) as channel:
        with pytest.raises(grpc.aio.AioRpcError):
            await channel.unary_unary("/a.B/C")(b"", timeout=10)

    assert (recorded.span(SpanKind.CLIENT).attributes or {})["rpc.response.status_code"] == "UNAVAILABLE"


async def test_a_cancelled_call_ends_its_span(
    serve: Any, echo: Any, service: str, kind: str, call: Any, recorded: Recorded
) -> None:
    begun = asyncio.Event()

    async def act(request: Any) -> None:
        begun.set()
        await asyncio.Event().wait()

    echo.act = act
    async with serve(interceptors=recorded.telemetry.client_interceptors()) as channel:
        running = asyncio.create_task(call(channel, kind))
        await begun.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    assert (recorded.span(SpanKind.CLIENT).attributes or {})["rpc.response.status_code"] == "CANCELLED"


async def test_given_metadata_stays(serve: Any, call: Any, kind: str, echo: Any, recorded: Recorded) -> None:
    seen: list[Any] = []

    async def unary_unary(request: Any, context: Any) -> Any:
        seen.extend(context.invocation_metadata())
        return request

    echo.unary_unary = unary_unary
    await client_and_server(serve, call, "unary_unary", recorded, metadata=(("x-mine", "1"),))

    assert ("x-mine", "1") in seen
    assert "traceparent" in dict(seen)


async def test_neither_peer_nor_payload_is_recorded(serve: Any, call: Any, kind: str, recorded: Recorded) -> None:
    interceptors = recorded.telemetry.client_interceptors()
    async with serve(telemetry=recorded.telemetry, interceptors=interceptors) as channel:
        await call(channel, kind, b"a secret wish")

    told = "".join(span.to_json() for span in recorded.exporter.get_finished_spans())
    told += repr(recorded.points("rpc.server.call.duration")) + repr(recorded.points("rpc.client.call.duration"))
    assert "a secret wish" not in told
    assert "127.0.0.1" not in told

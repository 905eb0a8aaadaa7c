"""Client side of telemetry: one span and one measurement per outgoing RPC, and the trace context in its metadata.

The span ends in the call's done callback and not by awaiting the call: a call that is cancelled, or never gets
through, must not keep anybody waiting.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, cast

import grpc
import grpc.aio
from opentelemetry import context as otel_context
from opentelemetry.trace import SpanKind, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from mayfly_runtime import telemetry_names as names

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.metrics import Meter
    from opentelemetry.trace import Tracer

_propagator = TraceContextTextMapPropagator()
_OUTCOMES = {code: names.outcome_attributes(code, names.CLIENT_FAULTS) for code in grpc.StatusCode}

Continuation = Callable[[grpc.aio.ClientCallDetails, Any], Awaitable[Any]]


class _Recorder:
    """What the four client interceptors share."""

    def __init__(self, tracer: Tracer, meter: Meter, *, enabled: bool) -> None:
        self._tracer = tracer
        self._duration = names.duration_histogram(meter, "client")
        self._enabled = enabled

    async def run(self, continuation: Continuation, details: grpc.aio.ClientCallDetails, request: Any) -> Any:
        if not self._enabled:
            return await continuation(_with_context(details, None), request)
        attributes = names.method_attributes(_text(details.method))
        span = self._tracer.start_span(attributes[names.METHOD], kind=SpanKind.CLIENT, attributes=attributes)
        begun = time.perf_counter()

        def ended(code: grpc.StatusCode) -> None:
            self._duration.record(time.perf_counter() - begun, {**attributes, **_OUTCOMES[code]})
            names.end_span(span, _OUTCOMES[code])

        try:
            call = await continuation(_with_context(details, set_span_in_context(span)), request)
        except BaseException:
            ended(grpc.StatusCode.CANCELLED)
            raise
        call.add_done_callback(lambda done: ended(_code_of(done)))
        return call


class _UnaryUnary(_Recorder, grpc.aio.UnaryUnaryClientInterceptor):
    async def intercept_unary_unary(
        self, continuation: Continuation, client_call_details: grpc.aio.ClientCallDetails, request: Any
    ) -> Any:
        return await self.run(continuation, client_call_details, request)


class _UnaryStream(_Recorder, grpc.aio.UnaryStreamClientInterceptor):
    async def intercept_unary_stream(
        self, continuation: Continuation, client_call_details: grpc.aio.ClientCallDetails, request: Any
    ) -> Any:
        return await self.run(continuation, client_call_details, request)


class _StreamUnary(_Recorder, grpc.aio.StreamUnaryClientInterceptor):
    async def intercept_stream_unary(
        self, continuation: Continuation, client_call_details: grpc.aio.ClientCallDetails, request_iterator: Any
    ) -> Any:
        return await self.run(continuation, client_call_details, request_iterator)


class _StreamStream(_Recorder, grpc.aio.StreamStreamClientInterceptor):
    async def intercept_stream_stream(
        self, continuation: Continuation, client_call_details: grpc.aio.ClientCallDetails, request_iterator: Any
    ) -> Any:
        return await self.run(continuation, client_call_details, request_iterator)


def client_interceptors(tracer: Tracer, meter: Meter, *, enabled: bool) -> list[grpc.aio.ClientInterceptor]:
    """One interceptor per kind of call; not enabled, they only pass the current trace context on."""
    kinds = (_UnaryUnary, _UnaryStream, _StreamUnary, _StreamStream)
    return [kind(tracer, meter, enabled=enabled) for kind in kinds]


def _with_context(details: grpc.aio.ClientCallDetails, context: Context | None) -> grpc.aio.ClientCallDetails:
    carrier: dict[str, str] = {}
    _propagator.inject(carrier, context or otel_context.get_current())
    if not carrier:
        return details
    given = () if details.metadata is None else tuple(details.metadata)
    metadata = grpc.aio.Metadata(*given, *carrier.items())
    return cast("grpc.aio.ClientCallDetails", cast("Any", details)._replace(metadata=metadata))


def _code_of(call: Any) -> grpc.StatusCode:
    """The status of a call that is done, from within its callback, where nothing can be awaited."""
    code = call.code()
    try:
        code.send(None)
    except StopIteration as answer:
        return cast("grpc.StatusCode", answer.value)
    finally:
        code.close()
    return grpc.StatusCode.UNKNOWN


def _text(method: str | bytes) -> str:
    return method.decode() if isinstance(method, bytes) else method

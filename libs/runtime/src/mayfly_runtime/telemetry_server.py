"""Server side of telemetry: one span and one measurement per RPC, in the caller's trace."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import grpc
from opentelemetry import context as otel_context
from opentelemetry.trace import SpanKind, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from mayfly_runtime import telemetry_names as names
from mayfly_runtime.interception import Call, Handler, Interceptor

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.metrics import Meter
    from opentelemetry.trace import Tracer

TRACE_HEADER: Final = "traceparent"
_propagator: Final = TraceContextTextMapPropagator()


class ContextInterceptor(Interceptor):
    """Takes a caller's trace context over, so that logs and downstream calls carry it. Records nothing."""

    def wrap(self, inner: Handler, method: str) -> Handler:  # noqa: ARG002 - one behaviour for every method
        """Run `inner` in the caller's trace, if there is one."""

        async def take_over(request: Any, call: Call) -> Any:
            if TRACE_HEADER in call.metadata:
                # Each RPC is a task with a context of its own, so there is nothing to detach.
                otel_context.attach(caller_context(call))
            return await inner(request, call)

        return take_over


class TelemetryInterceptor(Interceptor):
    """A server span and `rpc.server.call.duration` for each RPC. Outermost, so that it sees the final status."""

    def __init__(self, tracer: Tracer, meter: Meter) -> None:
        self._tracer = tracer
        self._duration = names.duration_histogram(meter, "server")

    def wrap(self, inner: Handler, method: str) -> Handler:
        """Record how `inner` ended."""
        tracer, duration = self._tracer, self._duration
        attributes = names.method_attributes(method)
        name = attributes[names.METHOD]
        outcomes = {code: names.outcome_attributes(code, names.SERVER_FAULTS) for code in grpc.StatusCode}
        measured = {code: {**attributes, **outcome} for code, outcome in outcomes.items()}

        async def record(request: Any, call: Call) -> Any:
            parent = caller_context(call)
            span = tracer.start_span(name, context=parent, kind=SpanKind.SERVER, attributes=attributes)
            otel_context.attach(set_span_in_context(span, parent))
            begun = time.perf_counter()
            ended_by: BaseException | None = None
            try:
                return await inner(request, call)
            except BaseException as error:
                ended_by = error
                raise
            finally:
                code = call.code(ended_by)
                duration.record(time.perf_counter() - begun, measured[code])
                names.end_span(span, outcomes[code], call.reason)

        return record


def caller_context(call: Call) -> Context:
    """The trace context that the caller sent; without one, an empty context."""
    metadata = call.metadata
    if TRACE_HEADER not in metadata:
        return otel_context.Context()
    return _propagator.extract({key: value for key, value in metadata.items() if isinstance(value, str)})

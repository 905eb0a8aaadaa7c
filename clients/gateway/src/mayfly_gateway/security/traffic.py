"""One line, one span and one measurement for each request: never a path, a query, an address or a cookie."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.context import Context
from opentelemetry.trace import SpanKind, StatusCode, use_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from mayfly_runtime.telemetry import Telemetry

_log = logging.getLogger("mayfly.access")
_propagator: Final = TraceContextTextMapPropagator()
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "DELETE", "OPTIONS"})
_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Traffic:
    """Tells what was asked and how it ended, by the door's pattern: a path may hold a token."""

    def __init__(self, app: ASGIApp, telemetry: Telemetry, *, trusts_callers: bool) -> None:
        """Take the application, where spans and metrics go, and whether callers may name the trace that this is of."""
        self._app = app
        self._tracer = telemetry.tracer
        self._trusts_callers = trusts_callers
        self._duration = telemetry.meter.create_histogram(
            "http.server.request.duration",
            unit="s",
            description="Time of requests, streams included",
            explicit_bucket_boundaries_advisory=_BUCKETS,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the request. What fails unexpectedly was told by then, and ends here."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun, sent = time.perf_counter(), {"status": 0, "size_bytes": 0}

        async def note(message: Message) -> None:
            if message["type"] == "http.response.start":
                sent["status"] = message["status"]
            sent["size_bytes"] += len(message.get("body", b""))
            await send(message)

        span = self._tracer.start_span("http", context=self._parent(scope), kind=SpanKind.SERVER)
        with use_span(span, end_on_exit=True, record_exception=False, set_status_on_exception=False):
            try:
                await self._app(scope, receive, note)
            except Exception as error:  # noqa: BLE001 - the last one to see it
                _log.warning("request.broke", extra={"kind": type(error).__name__})
            finally:
                attributes = _attributes(scope, sent["status"])
                span.update_name(f"{attributes['http.request.method']} {attributes['http.route']}")
                span.set_attributes(attributes)
                if not 0 < sent["status"] < 500:
                    span.set_status(StatusCode.ERROR)
                seconds = time.perf_counter() - begun
                self._duration.record(seconds, attributes)
                _tell(attributes, sent, seconds)

    def _parent(self, scope: Scope) -> Context:
        if not self._trusts_callers:
            return Context()
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        return _propagator.extract(headers, Context())


def _attributes(scope: Scope, status: int) -> dict[str, Any]:
    # Methods are the client's words, and would be as many counters.
    method = scope["method"] if scope["method"] in _METHODS else "_OTHER"
    route = getattr(scope.get("route"), "path", "none")
    return {"http.request.method": method, "http.route": route, "http.response.status_code": status}


def _tell(attributes: dict[str, Any], sent: dict[str, int], seconds: float) -> None:
    facts = {"method": attributes["http.request.method"], "route": attributes["http.route"], **sent}
    _log.info("http", extra={**facts, "elapsed_ms": round(seconds * 1000, 1)})

"""Names and values of the semantic conventions for RPC, in one place for server and client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import grpc
from opentelemetry.trace import Status, StatusCode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.metrics import Histogram, Meter
    from opentelemetry.trace import Span

SYSTEM: Final = "rpc.system.name"
METHOD: Final = "rpc.method"
STATUS_CODE: Final = "rpc.response.status_code"
ERROR_TYPE: Final = "error.type"
REASON: Final = "mayfly.reason"

# The conventions advise these bounds, in seconds.
_BOUNDS: Final = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)

SERVER_FAULTS: Final = frozenset(
    {
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.UNIMPLEMENTED,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DATA_LOSS,
    }
)
"""What counts as an error of a server span; everything else is an answer."""

CLIENT_FAULTS: Final = frozenset(grpc.StatusCode) - {grpc.StatusCode.OK}


def method_attributes(method: str) -> dict[str, str]:
    """The attributes of a method, given as `/package.Service/Method`."""
    return {SYSTEM: "grpc", METHOD: method.removeprefix("/")}


def outcome_attributes(code: grpc.StatusCode, faults: frozenset[grpc.StatusCode]) -> dict[str, str]:
    """The attributes of how a call ended."""
    attributes = {STATUS_CODE: code.name}
    if code in faults:
        attributes[ERROR_TYPE] = code.name
    return attributes


def end_span(span: Span, outcome: Mapping[str, str], reason: str | None = None) -> None:
    """Write down how a call ended, and end its span."""
    if span.is_recording():
        span.set_attributes(outcome)
        if reason is not None:
            span.set_attribute(REASON, reason)
        if ERROR_TYPE in outcome:
            # Without a description: messages of errors may repeat what a caller sent.
            span.set_status(Status(StatusCode.ERROR))
    span.end()


def duration_histogram(meter: Meter, side: str) -> Histogram:
    """`rpc.server.call.duration` or `rpc.client.call.duration`."""
    direction = "incoming" if side == "server" else "outgoing"
    return meter.create_histogram(
        f"rpc.{side}.call.duration",
        unit="s",
        description=f"Measures the duration of an {direction} Remote Procedure Call (RPC).",
        explicit_bucket_boundaries_advisory=_BOUNDS,
    )

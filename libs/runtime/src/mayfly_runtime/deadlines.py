"""Deadlines: every RPC has one, it is enforced, and it travels to everything that the RPC calls.

A handler that is still busy when its deadline comes is cancelled, and DEADLINE_EXCEEDED is answered 20 ms before the
caller gives up: late enough to use the time, early enough for the answer to arrive and name the slow one (a caller's
own DEADLINE_EXCEEDED would only say that something was slow). Work that cannot end in time any more is refused at once.

Downstream calls get what is left, less a margin for handling their answer: put `deadline_client_interceptors` on
every channel.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable
from contextvars import ContextVar
from datetime import timedelta
from typing import Any, Final, cast

import grpc
import grpc.aio

from mayfly_runtime.errors import ErrorResponder, ErrorTable, Mapped
from mayfly_runtime.interception import Call, Handler, Interceptor

DEFAULT_DEADLINE: Final = timedelta(seconds=60)
SHAVE: Final = 0.020
"""Seconds taken off a caller's deadline, so that our answer arrives before the caller gives up."""
MINIMUM: Final = 0.050
"""Seconds that must be left for work to begin: less, and it only costs."""
DOWNSTREAM_MARGIN: Final = 0.050
"""Seconds kept back from a downstream call, to handle its answer."""

_deadline: ContextVar[float] = ContextVar("mayfly_deadline")


class DeadlineTooShortError(Exception):
    """So little time is left that the work was not begun."""

    def __init__(self, left: float) -> None:
        self.time_left_ms = math.floor(left * 1000)
        self.minimum_ms = round(MINIMUM * 1000)
        super().__init__(
            f"{self.time_left_ms} ms are left until the deadline, and no work is begun with less than "
            f"{self.minimum_ms} ms. Nothing was done."
        )


class DeadlineExceededError(Exception):
    """The work did not end within the time that the caller gave."""

    def __init__(self, allowed: float) -> None:
        self.allowed_ms = round(allowed * 1000)
        super().__init__(f"The work did not end within {self.allowed_ms} ms and was cancelled. Allow it more time.")


DEADLINE_ERRORS: Final[ErrorTable] = {
    DeadlineTooShortError: Mapped(
        grpc.StatusCode.DEADLINE_EXCEEDED, "DEADLINE_TOO_SHORT", ("time_left_ms", "minimum_ms")
    ),
    DeadlineExceededError: Mapped(grpc.StatusCode.DEADLINE_EXCEEDED, "DEADLINE_TOO_SHORT", ("allowed_ms",)),
}


def time_left() -> float | None:
    """Seconds until the running RPC's deadline, not below zero; None outside of an RPC.

    Known in streaming handlers and in `Offload` threads, too: derive the timeouts of blocking calls from it.
    """
    deadline = _deadline.get(None)
    return None if deadline is None else max(0.0, deadline - time.monotonic())


class DeadlineInterceptor(Interceptor):
    """Cancels a handler at its deadline, and refuses work that cannot make it."""

    def __init__(self, *, domain: str, default: timedelta = DEFAULT_DEADLINE) -> None:
        """Set the default.

        Args:
            domain: `ErrorInfo.domain` of the answers.
            default: The deadline of callers who send none.
        """
        self._default = default.total_seconds()
        self._responder = ErrorResponder(domain=domain, table=DEADLINE_ERRORS)

    def wrap(self, inner: Handler, method: str) -> Handler:  # noqa: ARG002 - one behaviour for every method
        """Run `inner` until the deadline and not longer."""
        default, responder = self._default, self._responder

        async def limit_time(request: Any, call: Call) -> Any:
            # The stubs say float; it is None when the caller sent no deadline.
            left = cast("float | None", call.context.time_remaining())
            if left is None:
                left, allowed = default, default - SHAVE
            else:
                if left < MINIMUM:
                    await responder.abort(call, DeadlineTooShortError(left))
                allowed = left - _wire_rounding(left) - SHAVE
            _deadline.set(time.monotonic() + allowed)
            scope = asyncio.timeout(allowed)
            try:
                async with scope:
                    return await inner(request, call)
            except TimeoutError:
                if not scope.expired():
                    raise
                if call.context.done():
                    # The deadline came while another status was on its way; that one stands.
                    raise asyncio.CancelledError from None
            return await responder.abort(call, DeadlineExceededError(left))

        return limit_time


def _wire_rounding(seconds: float) -> float:
    """How much longer than meant a timeout may have become on its way: gRPC rounds it up to three digits.

    A caller's 30 s may arrive as 30.1 s; without taking that off again, the caller would always give up first.
    """
    return 10.0 ** (math.floor(math.log10(seconds)) - 2)


Continuation = Callable[[grpc.aio.ClientCallDetails, Any], Awaitable[Any]]


class _Shortening:
    """What the four client interceptors have in common."""

    def __init__(self, cap: timedelta) -> None:
        self._cap = cap.total_seconds()

    def shorten(self, details: grpc.aio.ClientCallDetails) -> grpc.aio.ClientCallDetails:
        """Answer the details with min(asked, cap, what is left less a margin) as timeout.

        Raises:
            grpc.aio.AioRpcError: DEADLINE_EXCEEDED, if nothing is left. gRPC would find out by itself, but an upload
                that is too late from the start may then end in a stray `CancelledError`.
        """
        limits = [self._cap]
        if details.timeout is not None:
            limits.append(details.timeout)
        if (left := time_left()) is not None:
            limits.append(left - DOWNSTREAM_MARGIN)
            if left <= DOWNSTREAM_MARGIN:
                raise _no_time_left()
        return cast("grpc.aio.ClientCallDetails", cast("Any", details)._replace(timeout=min(limits)))


def _no_time_left() -> grpc.aio.AioRpcError:
    return grpc.aio.AioRpcError(
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.aio.Metadata(),
        grpc.aio.Metadata(),
        details="No time is left until the deadline of the RPC that makes this call; it was not made.",
    )


class _UnaryUnary(_Shortening, grpc.aio.UnaryUnaryClientInterceptor):
    async def intercept_unary_unary(
        self, continuation: Continuation, client_call_details: grpc.aio.ClientCallDetails, request: Any
    ) -> Any:
        return await continuation(self.shorten(client_call_details), request)


class _UnaryStream(_Shortening, grpc.aio.UnaryStreamClientInterceptor):
    async def intercept_unary_stream(
        self, continuation: Continuation, client_call_details: grpc.aio.ClientCallDetails, request: Any
    ) -> Any:
        return await continuation(self.shorten(client_call_details), request)


class _StreamUnary(_Shortening, grpc.aio.StreamUnaryClientInterceptor):
    async def intercept_stream_unary(
        self,
        continuation: Continuation,
        client_call_details: grpc.aio.ClientCallDetails,
        request_iterator: AsyncIterable[Any] | Iterable[Any],
    ) -> Any:
        return await continuation(self.shorten(client_call_details), request_iterator)


class _StreamStream(_Shortening, grpc.aio.StreamStreamClientInterceptor):
    async def intercept_stream_stream(
        self,
        continuation: Continuation,
        client_call_details: grpc.aio.ClientCallDetails,
        request_iterator: AsyncIterable[Any] | Iterable[Any],
    ) -> Any:
        return await continuation(self.shorten(client_call_details), request_iterator)


def deadline_client_interceptors(*, cap: timedelta = timedelta(seconds=30)) -> list[grpc.aio.ClientInterceptor]:
    """Interceptors for a channel, so that no call outlives the RPC that makes it, and none is without an end.

    Args:
        cap: The longest that any call of the channel may take.
    """
    return [_UnaryUnary(cap), _UnaryStream(cap), _StreamUnary(cap), _StreamStream(cap)]

"""Faults on demand, and a record of what was called."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf.message import Message

from mayfly_client._fake.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class FakeCall:
    """A call as it reached a server."""

    method: str
    """Name of the RPC, e.g. `GetAudio`."""
    metadata: Mapping[str, str] = field(repr=False)
    seconds_left: float | None
    """Until the caller's deadline; None if the call had none."""
    request: Message | None = field(repr=False)
    """The request; None for a stream of them."""


class Faults:
    """What the next calls of a method meet instead of an answer. Safe to use from any thread."""

    def __init__(self) -> None:
        self.calls: list[FakeCall] = []
        self._refusals: dict[str, deque[Refusal]] = {}
        self._hanging: set[str] = set()
        self._waiting: list[threading.Event] = []
        self._lock = threading.Lock()

    def refuse(self, method: str, refusal: Refusal, times: int) -> None:
        """The next calls of a method are refused."""
        with self._lock:
            self._refusals.setdefault(method, deque()).extend([refusal] * times)

    def hang(self, method: str) -> None:
        """Calls of a method are not answered before the end of the servers."""
        with self._lock:
            self._hanging.add(method)

    def release(self) -> None:
        """Let everything go that hangs."""
        with self._lock:
            self._hanging.clear()
            for ended in self._waiting:
                ended.set()

    def meet(self, method: str, request: object, context: grpc.ServicerContext) -> None:
        """Record a call, and do to it what was asked for."""
        metadata = {key: value for key, value in context.invocation_metadata() if isinstance(value, str)}
        call = FakeCall(
            method=method,
            metadata=metadata,
            seconds_left=context.time_remaining(),
            request=request if isinstance(request, Message) else None,
        )
        with self._lock:
            self.calls.append(call)
            queue = self._refusals.get(method)
            refusal = queue.popleft() if queue else None
            hangs = method in self._hanging
        if hangs:
            self._wait_for_the_end(context)
        if refusal is not None:
            raise refusal

    def _wait_for_the_end(self, context: grpc.ServicerContext) -> None:
        """Wait until the caller gives up, or the servers end; either way nothing is done."""
        ended = threading.Event()
        with self._lock:
            self._waiting.append(ended)
        # False if the call has ended already.
        if context.add_callback(ended.set):
            ended.wait()
        raise Refusal(code=grpc.StatusCode.CANCELLED, reason="", message="nobody waits any more")


def _hear_out(requests: Iterator[object]) -> None:
    """Take what a caller still sends: gRPC may tell one who is refused meanwhile of an error of its own instead."""
    with suppress(grpc.RpcError):
        deque(requests, maxlen=0)


class FakeGate(grpc.ServerInterceptor):
    """Stands before every method: records, injects faults, checks the token, and turns refusals into statuses."""

    def __init__(self, faults: Faults, *, domain: str, token: str | None) -> None:
        self._faults = faults
        self._domain = domain
        self._token = token

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], grpc.RpcMethodHandler[Any, Any] | None],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        """Wrap the method's behaviour, whichever of the four kinds it has."""
        handler = continuation(handler_call_details)
        if handler is None:
            return None
        method = handler_call_details.method.rpartition("/")[2]
        wire = {
            "request_deserializer": handler.request_deserializer,
            "response_serializer": handler.response_serializer,
        }
        if handler.unary_unary:
            return grpc.unary_unary_rpc_method_handler(self._answering(method, handler.unary_unary), **wire)
        if handler.stream_unary:
            return grpc.stream_unary_rpc_method_handler(self._answering(method, handler.stream_unary), **wire)
        if handler.unary_stream:
            return grpc.unary_stream_rpc_method_handler(self._streaming(method, handler.unary_stream), **wire)
        if handler.stream_stream:
            return grpc.stream_stream_rpc_method_handler(self._streaming(method, handler.stream_stream), **wire)
        return handler

    def _answering(self, method: str, behaviour: Callable[..., Any]) -> Callable[..., Any]:
        def answer(request: Any, context: grpc.ServicerContext) -> Any:
            try:
                self._admit(method, request, context)
                return behaviour(request, context)
            except Refusal as refusal:
                if isinstance(request, Iterator):
                    _hear_out(request)
                refusal.abort(context, self._domain)

        return answer

    def _streaming(self, method: str, behaviour: Callable[..., Any]) -> Callable[..., Any]:
        def stream(request: Any, context: grpc.ServicerContext) -> Any:
            try:
                self._admit(method, request, context)
                yield from behaviour(request, context)
            except Refusal as refusal:
                refusal.abort(context, self._domain)

        return stream

    def _admit(self, method: str, request: object, context: grpc.ServicerContext) -> None:
        self._faults.meet(method, request, context)
        given = dict(context.invocation_metadata()).get("authorization")
        if self._token is not None and given != f"Bearer {self._token}":
            raise Refusal(
                code=grpc.StatusCode.UNAUTHENTICATED,
                reason="CALLER_UNAUTHENTICATED",
                message="the call carries no bearer token that this server knows",
            )

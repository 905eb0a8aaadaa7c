"""One shape for the four kinds of RPC, so that every concern around a handler is written once.

grpc.aio has four kinds of handler, two of them in two styles (async generator, or coroutine with `context.write`).
Here all of them become one awaitable, a `Handler`: a request (or an iterator of requests) and a `Call` go in; a
response, or nothing after the last streamed response, comes out. An `Interceptor` wraps such a handler once per method,
not once per call, and hands the same `Call` on, so that what one concern learns (the caller, the reason of a failure)
is there for the others.

Parsing and serializing of unary messages happens inside the innermost wrapper: a request that is no protobuf, and a
response of the wrong type, pass through the error table as every other failure does. A refused caller's request is
not even parsed.
"""

from __future__ import annotations

import asyncio
import inspect
from abc import abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Any, Final, TypeAlias

import grpc
import grpc.aio

from mayfly_runtime.refusals import MalformedRequestError, NotImplementedYetError

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
RpcMethodHandler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"

UNKNOWN_METHOD: Final = "/_OTHER"
"""Stands for every method that is not served, in logs and metrics; OpenTelemetry's name for what has none."""


class Call:
    """One running RPC, as the interceptors around its handler see it."""

    __slots__ = ("_metadata", "caller", "context", "method", "reason", "request")

    def __init__(self, method: str, context: Context) -> None:
        self.method = method
        """The full name, for example `/mayfly.storage.v1.StorageService/GetAudio`."""
        self.context = context
        self.caller: str | None = None
        """The caller's name, once the identity interceptor knows it."""
        self.reason: str | None = None
        """The `ErrorInfo.reason` that was answered, if any."""
        self.request: Any = None
        """The parsed request, where there is a single one."""
        self._metadata: dict[str, str | bytes] | None = None

    @property
    def metadata(self) -> dict[str, str | bytes]:
        """The caller's metadata; of a key that was sent more than once, the last value."""
        if self._metadata is None:
            self._metadata = dict(self.context.invocation_metadata() or ())
        return self._metadata

    def code(self, ended_by: BaseException | None = None) -> grpc.StatusCode:
        """The status that the caller got, or would have got.

        Args:
            ended_by: What the handler raised, if it did.
        """
        if isinstance(ended_by, _GONE):
            return grpc.StatusCode.CANCELLED
        # The stubs promise a code; until one is set there is none.
        code: grpc.StatusCode | None = self.context.code()
        return grpc.StatusCode.OK if code is None else code


# The caller hung up, or the server was stopped; gRPC fails to send (`InternalError`) when it notices first.
_GONE: Final = (asyncio.CancelledError, grpc.aio.InternalError)

Handler: TypeAlias = Callable[[Any, Call], Awaitable[Any]]


class Interceptor(grpc.aio.ServerInterceptor):
    """A concern around every handler. Usable alone in a grpc.aio server, or in a list given to `wrap_handler`."""

    @abstractmethod
    def wrap(self, inner: Handler, method: str) -> Handler:
        """Answer a handler that runs `inner` within this concern.

        Args:
            inner: What to run; it raises `grpc.aio.AbortError` when an error was already answered.
            method: The full name of the method, for example `/mayfly.storage.v1.StorageService/GetAudio`.
        """

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[RpcMethodHandler | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> RpcMethodHandler | None:
        """Serve grpc.aio's own interceptor interface."""
        handler = await continuation(handler_call_details)
        if handler is None:
            return None
        return wrap_handler(handler, handler_call_details.method, [self])


def wrap_handler(handler: RpcMethodHandler, method: str, interceptors: Sequence[Interceptor]) -> RpcMethodHandler:
    """Put interceptors around a method's handler.

    Args:
        handler: The handler as a servicer registered it.
        method: The full name of the method.
        interceptors: Outermost first.

    Returns:
        A handler of the same kind for grpc.aio.

    Raises:
        TypeError: If the handler is a blocking function, which would run in a thread that nobody bounds.
    """
    wrapped = _innermost(handler, method)
    for interceptor in reversed(interceptors):
        wrapped = interceptor.wrap(wrapped, method)

    async def serve(request: Any, context: Context) -> Any:
        return await wrapped(request, Call(method, context))

    return _rebuilt(handler, serve)


def refusal(answer: Handler, interceptors: Sequence[Interceptor]) -> Callable[[str], RpcMethodHandler]:
    """Prepare the answer to methods that are not served; `answer` runs within the interceptors, without a request.

    Interceptors see one method, `UNKNOWN_METHOD`, since the real name is whatever the caller sent.

    Returns:
        A function from the method's name to its handler.
    """
    wrapped = answer
    for interceptor in reversed(interceptors):
        wrapped = interceptor.wrap(wrapped, UNKNOWN_METHOD)

    def handler_for(method: str) -> RpcMethodHandler:
        async def serve(request: Any, context: Context) -> Any:
            return await wrapped(request, Call(method, context))

        # A stream of both sides is the one kind that any caller's call can be answered as.
        return grpc.stream_stream_rpc_method_handler(serve)

    return handler_for


def _innermost(handler: RpcMethodHandler, method: str) -> Handler:
    behaviour = handler.unary_unary or handler.unary_stream or handler.stream_unary or handler.stream_stream
    parse = None if handler.request_streaming else handler.request_deserializer
    serialize = None if handler.response_streaming else handler.response_serializer
    if inspect.isasyncgenfunction(behaviour):
        return _generator(behaviour, parse)
    if _is_generated_stub(behaviour):
        return _not_implemented(method)
    if not inspect.iscoroutinefunction(behaviour):
        raise TypeError(f"{method} is served by a blocking function; write it as `async def`")
    return _coroutine(behaviour, parse, serialize)


def _is_generated_stub(behaviour: Any) -> bool:
    """Whether a servicer did not override a method: generated base classes define them as blocking functions."""
    return str(getattr(behaviour, "__module__", "")).endswith("_pb2_grpc")


def _not_implemented(method: str) -> Handler:
    async def run(request: Any, call: Call) -> None:  # noqa: ARG001 - the shape of a handler
        raise NotImplementedYetError(f"The method {method}")

    return run


def _coroutine(
    behaviour: Callable[..., Any], parse: Callable[[bytes], Any] | None, serialize: Callable[[Any], bytes] | None
) -> Handler:
    async def run(request: Any, call: Call) -> Any:
        call.request = request = _parsed(parse, request)
        response = await behaviour(request, call.context)
        return response if serialize is None else serialize(response)

    return run


def _generator(behaviour: Callable[..., Any], parse: Callable[[bytes], Any] | None) -> Handler:
    async def run(request: Any, call: Call) -> None:
        call.request = request = _parsed(parse, request)
        # Closed at once when the RPC ends early, so that the servicer's `finally` does not wait for the collector.
        async with aclosing(behaviour(request, call.context)) as responses:
            async for response in responses:
                await call.context.write(response)

    return run


def _parsed(parse: Callable[[bytes], Any] | None, request: Any) -> Any:
    if parse is None:
        return request
    try:
        return parse(request)
    except Exception as error:
        raise MalformedRequestError from error


def _rebuilt(handler: RpcMethodHandler, serve: Callable[..., Any]) -> RpcMethodHandler:
    parse, serialize = handler.request_deserializer, handler.response_serializer
    if not handler.request_streaming and not handler.response_streaming:
        return grpc.unary_unary_rpc_method_handler(serve)
    if not handler.request_streaming:
        return grpc.unary_stream_rpc_method_handler(serve, response_serializer=serialize)

    def parse_one(message: bytes) -> Any:
        return _parsed(parse, message)

    if not handler.response_streaming:
        return grpc.stream_unary_rpc_method_handler(serve, request_deserializer=parse_one)
    return grpc.stream_stream_rpc_method_handler(serve, request_deserializer=parse_one, response_serializer=serialize)

"""The methods of a server: every handler wrapped once, found by name, and an answer for names that are not there.

Generated `add_..._to_server` functions register each handler twice: generically, and as a "registered method". The
latter makes grpc.aio wait on one future per method for each incoming call; here all calls go through one generic
handler instead, which is faster and gives unknown methods an answer with details.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn, cast

import grpc

from mayfly_runtime.errors import ErrorResponder
from mayfly_runtime.interception import Call, Interceptor, RpcMethodHandler, refusal, wrap_handler
from mayfly_runtime.refusals import NotImplementedYetError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


class MethodTable(grpc.GenericRpcHandler):
    """Takes the place of the server while servicers are added, and serves what they added."""

    def __init__(self, interceptors: Sequence[Interceptor], *, domain: str) -> None:
        self._interceptors = interceptors
        self._responder = ErrorResponder(domain=domain, table={})
        self._refuse = refusal(self._not_there, interceptors)
        self._sources: list[grpc.GenericRpcHandler] = []
        self._wrapped: dict[str, RpcMethodHandler] = {}
        self.services: set[str] = set()
        """Full names of the services that were added."""

    def add_generic_rpc_handlers(self, generic_rpc_handlers: Sequence[grpc.GenericRpcHandler]) -> None:
        """Take what a generated function adds."""
        self._sources.extend(generic_rpc_handlers)
        for source in generic_rpc_handlers:
            if isinstance(source, grpc.ServiceRpcHandler):
                self.services.add(source.service_name())

    def add_registered_method_handlers(
        self, service_name: str, method_handlers: Mapping[str, RpcMethodHandler]
    ) -> None:
        """Take what a generated function adds; wrapped right away, so that a wrong handler is found at the start."""
        self.services.add(service_name)
        for name, handler in method_handlers.items():
            method = f"/{service_name}/{name}"
            self._wrapped[method] = wrap_handler(handler, method, self._interceptors)

    def add_plain(self, register: Callable[[Any, grpc.aio.Server], None], servicer: object) -> None:
        """Add a servicer that the interceptors do not concern, such as health."""
        table = MethodTable((), domain="")
        register(servicer, cast("grpc.aio.Server", table))
        self._sources.extend(table._sources)
        self._wrapped.update(table._wrapped)

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> RpcMethodHandler:
        """Find the handler of a call."""
        method = handler_call_details.method
        found = self._wrapped.get(method)
        return found if found is not None else self._look_up(handler_call_details)

    def _look_up(self, details: grpc.HandlerCallDetails) -> RpcMethodHandler:
        for source in self._sources:
            handler = source.service(details)
            if handler is not None:
                self._wrapped[details.method] = wrap_handler(handler, details.method, self._interceptors)
                return self._wrapped[details.method]
        return self._refuse(details.method)

    async def _not_there(self, request: Any, call: Call) -> NoReturn:  # noqa: ARG002 - the shape of a handler
        await self._responder.abort(call, NotImplementedYetError(f"The method {call.method}"))

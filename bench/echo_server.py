"""An echo behind grpc.aio, bare or behind Mayfly's runtime.

`python -m bench.echo_server bare|mayfly` prints its port and serves.
"""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio

from mayfly_runtime.identity import CallerRegistry
from mayfly_runtime.server import ServerBuilder, ServerOptions
from mayfly_runtime.telemetry import Telemetry

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

SERVICE = "bench.Echo"
METHOD = f"/{SERVICE}/Echo"


async def echo(request: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:  # noqa: ARG001 - the shape of a handler
    """Answer what was asked."""
    return request


def register(handler: Callable[..., Awaitable[bytes]], server: Any) -> None:
    """What generated code does for a servicer."""
    methods: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {"Echo": grpc.unary_unary_rpc_method_handler(handler)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, methods),))
    server.add_registered_method_handlers(SERVICE, methods)


async def bare() -> None:
    """The limit: nothing around the handler."""
    server = grpc.aio.server()
    register(echo, server)
    print(server.add_insecure_port("127.0.0.1:0"), flush=True)
    await server.start()
    await server.wait_for_termination()


async def mayfly() -> None:
    """The same handler as every service of Mayfly has it, with telemetry off as by default."""
    options = ServerOptions(listen="127.0.0.1:0")
    builder = ServerBuilder(
        options,
        domain="bench.mayfly",
        errors={},
        callers=CallerRegistry.loopback_only(),
        telemetry=Telemetry.disabled(),
    )
    server = await builder.add(register, echo, service=SERVICE).start()
    print(server.port, flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run({"bare": bare, "mayfly": mayfly}[sys.argv[1]]())

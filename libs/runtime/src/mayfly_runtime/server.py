"""Server assembly: everything that a Mayfly server has, in one place and in a stated order.

    server = await (
        ServerBuilder(options, domain="storage.mayfly", errors=ERROR_TABLE, callers=callers, telemetry=telemetry)
        .add(add_StorageServiceServicer_to_server, servicer, service="mayfly.storage.v1.StorageService")
        .start()
    )
    await serve_until_signal(server)

Each server has health that follows readiness, reflection, limits, and these interceptors, outermost first:

1. telemetry, which sees the final status of everything below,
2. access log, within the span, so that its line has the trace id,
3. admission: a server that is full says so before it does any other work,
4. identity: who calls, and whether they may,
5. deadline, so that everything from here on is cancelled in time,
6. errors, innermost: what the servicer raised becomes a status here.

Health and reflection are outside of all that: probes have no identity, and watches no deadline.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, Self, cast

import grpc
import grpc.aio
from grpc_health.v1 import health_pb2_grpc
from grpc_health.v1.health import SERVICE_NAME as HEALTH_NAME
from grpc_reflection.v1alpha import reflection, reflection_pb2_grpc

from mayfly_runtime.access_log import AccessLogInterceptor
from mayfly_runtime.addresses import (
    CannotListenError,
    InvalidAddressError,
    ListenAddress,
    ListenError,
    PortInUseError,
    UnprotectedAddressError,
)
from mayfly_runtime.admission import AdmissionInterceptor
from mayfly_runtime.deadlines import DeadlineInterceptor
from mayfly_runtime.errors import ErrorInterceptor, ErrorTable
from mayfly_runtime.health import HealthServicer, Readiness
from mayfly_runtime.identity import CallerRegistry, IdentityInterceptor
from mayfly_runtime.method_table import MethodTable
from mayfly_runtime.server_options import ServerOptions, TlsFiles
from mayfly_runtime.tls import server_credentials

if TYPE_CHECKING:
    from mayfly_runtime.telemetry import Telemetry

__all__ = [
    "CannotListenError",
    "Drainable",
    "InvalidAddressError",
    "ListenError",
    "PortInUseError",
    "Readiness",
    "RunningServer",
    "ServerBuilder",
    "ServerOptions",
    "ServiceAddedTwiceError",
    "TlsFiles",
    "UnprotectedAddressError",
    "serve_until_signal",
]

_log = logging.getLogger("mayfly.server")

Register = Callable[[Any, grpc.aio.Server], None]


class ServiceAddedTwiceError(ValueError):
    """One server was given the same service twice; only one of them could answer."""

    def __init__(self, service: str) -> None:
        super().__init__(f"The service {service} was already added to this server")
        self.service = service


class ServerBuilder:
    """Collects services, then starts a server with all of them."""

    def __init__(
        self,
        options: ServerOptions,
        *,
        domain: str,
        errors: ErrorTable,
        callers: CallerRegistry,
        telemetry: Telemetry,
    ) -> None:
        """Describe the server.

        Args:
            options: Address, TLS and limits.
            domain: `ErrorInfo.domain` of its errors, for example `storage.mayfly`.
            errors: What its exceptions look like to callers.
            callers: Who may call what.
            telemetry: Where spans and metrics go.
        """
        self._options = options
        self._callers = callers
        self._admission = AdmissionInterceptor(limit=options.max_concurrent_rpcs, domain=domain)
        self._methods = MethodTable(
            [
                telemetry.server_interceptor(),
                AccessLogInterceptor(),
                self._admission,
                IdentityInterceptor(callers, domain=domain),
                DeadlineInterceptor(domain=domain, default=options.default_deadline),
                ErrorInterceptor(domain=domain, table=errors),
            ],
            domain=domain,
        )
        self._readiness: dict[str, Readiness] = {}

    def add(self, register: Register, servicer: object, *, service: str, readiness: Readiness | None = None) -> Self:
        """Add a service.

        Args:
            register: The generated `add_...Servicer_to_server`.
            servicer: Its implementation; all methods `async def`.
            service: The full name, for example `mayfly.storage.v1.StorageService`.
            readiness: What its health follows; ready from the start by default.

        Raises:
            ServiceAddedTwiceError: If the service was added before.
            TypeError: If a method of the servicer is a blocking function.
        """
        if service in self._readiness:
            raise ServiceAddedTwiceError(service)
        # The table takes the part of the server that registration uses.
        register(servicer, cast("grpc.aio.Server", self._methods))
        self._readiness[service] = readiness or Readiness()
        return self

    async def start(self) -> RunningServer:
        """Bind the address and serve.

        Raises:
            ListenError: If the address is wrong, taken, not ours, or reachable by others without callers.
            TlsFilesError: If a TLS file cannot be used.
        """
        address = ListenAddress.parse(self._options.listen)
        if self._callers.is_loopback_only and not address.is_loopback:
            raise UnprotectedAddressError(str(address))
        server = grpc.aio.server(
            handlers=[self._methods],
            options=self._options.channel_arguments(),
        )
        health = HealthServicer(self._readiness)
        self._methods.add_plain(health_pb2_grpc.add_HealthServicer_to_server, health)
        if self._options.reflection:
            names = [*self._readiness, HEALTH_NAME, reflection.SERVICE_NAME]
            servicer = reflection.aio.ReflectionServicer(names)
            self._methods.add_plain(reflection_pb2_grpc.add_ServerReflectionServicer_to_server, servicer)
        bound = self._bind(server, address)
        await health.start()
        await server.start()
        _log.info("serving", extra={"address": str(bound), "services": ",".join(self._readiness)})
        return RunningServer(server, address=bound, health=health, options=self._options, admission=self._admission)

    def _bind(self, server: grpc.aio.Server, address: ListenAddress) -> ListenAddress:
        tls = self._options.tls
        if tls is None and not address.is_loopback:
            _log.warning("serving_without_tls", extra={"address": str(address)})
        try:
            if tls is None:
                port = server.add_insecure_port(str(address))
            else:
                port = server.add_secure_port(str(address), server_credentials(tls))
        except RuntimeError as error:
            raise address.why_not() from error
        return address if address.is_unix else address.with_port(port)


class RunningServer:
    """A server that serves, until it is drained."""

    def __init__(
        self,
        server: grpc.aio.Server,
        *,
        address: ListenAddress,
        health: HealthServicer,
        options: ServerOptions,
        admission: AdmissionInterceptor,
    ) -> None:
        """Used by `ServerBuilder.start`."""
        self._server = server
        self._health = health
        self._options = options
        self._admission = admission
        self.port = address.port
        """The port that was bound, also if 0 was asked for; 0 for a unix socket."""
        self.address = str(address)
        """What a client on this machine connects to."""

    async def drain(self) -> None:
        """Stop gracefully: NOT_SERVING first, then no new RPCs, then `options.drain` for the running ones.

        What still runs afterwards is cancelled. Calling it again waits for the same end.
        """
        await self._health.enter_graceful_shutdown()
        _log.info("draining", extra={"address": self.address, "running": self._admission.running})
        stopping = asyncio.ensure_future(self._server.stop(self._options.drain.total_seconds()))
        await self._admission.idle(within=self._options.drain)
        # Watches of health never end by themselves, and would hold the server up for the whole time.
        self._health.end_watches()
        await stopping
        _log.info("stopped", extra={"address": self.address})

    async def stop_now(self) -> None:
        """Cancel everything that runs and stop."""
        await self._server.stop(0)

    async def wait_stopped(self) -> None:
        """Return when the server has stopped, for whatever reason."""
        # Shielded: grpc.aio would take the cancellation of one waiter for the failure of the whole shutdown.
        await asyncio.shield(asyncio.ensure_future(self._server.wait_for_termination()))


class Drainable(Protocol):
    """What `serve_until_signal` stops: a server, or a server together with work of its own."""

    async def drain(self) -> None:
        """Stop gracefully."""

    async def stop_now(self) -> None:
        """Cancel everything that runs and stop."""

    async def wait_stopped(self) -> None:
        """Return when it has stopped, for whatever reason."""


async def serve_until_signal(*servers: Drainable) -> None:
    """Serve until SIGTERM or SIGINT, then drain all servers together; a second signal stops them at once."""
    loop = asyncio.get_running_loop()
    signals: asyncio.Queue[signal.Signals] = asyncio.Queue(maxsize=2)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _note, signals, number)
    try:
        await _until_first(signals.get(), *(server.wait_stopped() for server in servers))
        draining = asyncio.gather(*(server.drain() for server in servers))
        await _until_first(_wait(draining), signals.get())
        if not draining.done():
            _log.warning("stopping_at_once")
            await asyncio.gather(*(server.stop_now() for server in servers))
        await draining
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


def _note(signals: asyncio.Queue[signal.Signals], number: signal.Signals) -> None:
    _log.info("signal", extra={"signal": number.name})
    with contextlib.suppress(asyncio.QueueFull):
        signals.put_nowait(number)


async def _wait(future: asyncio.Future[Any]) -> None:
    await asyncio.wait([future])


async def _until_first(*waiting: Any) -> None:
    tasks = [asyncio.ensure_future(one) for one in waiting]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

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

Health and reflection are outside of all that: probes have no identity, and watches no deadline. Where callers need
certificates, `ServerOptions.health_listen` serves health at an address of its own: kubelet's gRPC probes have none.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any, Self, cast

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
from mayfly_runtime.running_server import Drainable, ProbeServer, RunningServer
from mayfly_runtime.server_options import ServerOptions, TlsFiles
from mayfly_runtime.signals import serve_until_signal
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
    "WrongServiceNameError",
    "serve_until_signal",
]

_log = logging.getLogger("mayfly.server")

Register = Callable[[Any, grpc.aio.Server], None]


class ServiceAddedTwiceError(ValueError):
    """One server was given the same service twice; only one of them could answer."""

    def __init__(self, service: str) -> None:
        super().__init__(f"The service {service} was already added to this server")
        self.service = service


class WrongServiceNameError(ValueError):
    """A service was added under a name that its registration does not know; its health would be another's."""

    def __init__(self, service: str, registered: AbstractSet[str]) -> None:
        super().__init__(f"{service!r} is not what was registered: {', '.join(sorted(registered)) or 'nothing'}")
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
            WrongServiceNameError: If `register` does not register that service.
            TypeError: If a method of the servicer is a blocking function.
        """
        if service in self._readiness:
            raise ServiceAddedTwiceError(service)
        # The table takes the part of the server that registration uses.
        register(servicer, cast("grpc.aio.Server", self._methods))
        if service not in self._methods.services:
            raise WrongServiceNameError(service, self._methods.services - self._readiness.keys())
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
        credentials = server_credentials(self._options.tls) if self._options.tls is not None else None
        if credentials is None and not address.is_loopback:
            _log.warning("serving_without_tls", extra={"address": str(address)})
        await asyncio.to_thread(address.check)
        health = self._add_health_and_reflection()
        server = grpc.aio.server(handlers=[self._methods], options=self._options.channel_arguments())
        bound = _bind(server, address, credentials)
        probes = await self._start_probes(health)
        await health.start()
        await server.start()
        _log.info("serving", extra={"address": str(bound), "services": ",".join(self._readiness)})
        return RunningServer(
            server, address=bound, health=health, drain=self._options.drain, admission=self._admission, probes=probes
        )

    async def _start_probes(self, health: HealthServicer) -> ProbeServer | None:
        """Health at an address of its own. It tells nothing but names of services and whether they serve."""
        if self._options.health_listen is None:
            return None
        address = ListenAddress.parse(self._options.health_listen)
        await asyncio.to_thread(address.check)
        server = grpc.aio.server(options=self._options.channel_arguments())
        health_pb2_grpc.add_HealthServicer_to_server(health, server)
        probes = ProbeServer(server, _bind(server, address, None))
        await server.start()
        return probes

    def _add_health_and_reflection(self) -> HealthServicer:
        health = HealthServicer(self._readiness)
        self._methods.add_plain(health_pb2_grpc.add_HealthServicer_to_server, health)
        if self._options.reflection:
            names = [*self._readiness, HEALTH_NAME, reflection.SERVICE_NAME]
            servicer = reflection.aio.ReflectionServicer(names)
            self._methods.add_plain(reflection_pb2_grpc.add_ServerReflectionServicer_to_server, servicer)
        return health


def _bind(server: grpc.aio.Server, address: ListenAddress, credentials: grpc.ServerCredentials | None) -> ListenAddress:
    try:
        if credentials is None:
            port = server.add_insecure_port(str(address))
        else:
            port = server.add_secure_port(str(address), credentials)
    except RuntimeError as error:
        raise CannotListenError(str(address), "gRPC could not bind it; it may have been taken just now") from error
    return address if address.is_unix else address.with_port(port)

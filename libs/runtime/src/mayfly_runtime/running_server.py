"""A server that runs: where it can be reached, and how it stops."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import timedelta

    import grpc.aio

    from mayfly_runtime.addresses import ListenAddress
    from mayfly_runtime.admission import AdmissionInterceptor
    from mayfly_runtime.health import HealthServicer

_log = logging.getLogger("mayfly.server")


class Drainable(Protocol):
    """What `serve_until_signal` stops: a server, or a server together with work of its own."""

    async def drain(self) -> None:
        """Stop gracefully."""

    async def stop_now(self) -> None:
        """Cancel everything that runs and stop."""

    async def wait_stopped(self) -> None:
        """Return when it has stopped, for whatever reason."""


@dataclass(frozen=True, slots=True)
class ProbeServer:
    """The second server of a server: health alone, in plaintext."""

    server: grpc.aio.Server
    address: ListenAddress


class RunningServer:
    """A server that serves, until it is drained."""

    def __init__(
        self,
        server: grpc.aio.Server,
        *,
        address: ListenAddress,
        health: HealthServicer,
        drain: timedelta,
        admission: AdmissionInterceptor,
        probes: ProbeServer | None = None,
    ) -> None:
        """Used by `ServerBuilder.start`."""
        self._server = server
        self._probes = probes
        self._health = health
        self._drain = drain
        self._admission = admission
        self._draining: asyncio.Task[None] | None = None
        self.port = address.port
        """The port that was bound, also if 0 was asked for; 0 for a unix socket."""
        self.address = str(address)
        """What a client on this machine connects to."""
        self.health_address = str(probes.address) if probes is not None else self.address
        """Where probes ask for health without a certificate."""

    async def drain(self) -> None:
        """Stop gracefully: NOT_SERVING first, then no new RPCs, then `ServerOptions.drain` for the running ones.

        What still runs afterwards is cancelled. Every call waits for the same end, and cancelling a wait does not
        stop the draining.
        """
        if self._draining is None:
            self._draining = asyncio.create_task(self._drain_once())
        await asyncio.shield(self._draining)

    async def stop_now(self) -> None:
        """Cancel everything that runs, and stop."""
        await self._server.stop(0)
        await self._stop_probes()

    async def wait_stopped(self) -> None:
        """Return when the server has stopped, for whatever reason."""
        # Shielded: gRPC's own future would be cancelled together with a wait that is given up.
        await asyncio.shield(asyncio.ensure_future(self._server.wait_for_termination()))

    async def _drain_once(self) -> None:
        await self._health.enter_graceful_shutdown()
        _log.info("draining", extra={"address": self.address, "running": self._admission.running})
        stopping = asyncio.ensure_future(self._server.stop(self._drain.total_seconds()))
        await self._admission.idle(within=self._drain)
        # Watches of health never end by themselves, and would hold the server up for the whole time.
        self._health.end_watches()
        await stopping
        # Last, so that probes hear NOT_SERVING, and no refused connection, for as long as RPCs still run.
        await self._stop_probes()
        _log.info("stopped", extra={"address": self.address})

    async def _stop_probes(self) -> None:
        if self._probes is not None:
            await self._probes.server.stop(0)

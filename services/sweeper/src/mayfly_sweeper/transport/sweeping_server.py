"""A server that has background work of its own: sweeps stop with it."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mayfly_runtime.server import RunningServer
    from mayfly_sweeper.usecases.sweeps import Sweeps


class SweepingServer:
    """A server and the sweeps that it began: they stop together, or watchers of a sweep would hold the server up."""

    def __init__(self, server: RunningServer, sweeps: Sweeps, *, drain: timedelta) -> None:
        self._server = server
        self._sweeps = sweeps
        self._drain = drain

    async def drain(self) -> None:
        """Stop gracefully: sweeps between two pages, RPCs when they end."""
        await asyncio.gather(self._sweeps.stop(within=self._drain), self._server.drain())

    async def stop_now(self) -> None:
        """Cancel everything."""
        await asyncio.gather(self._sweeps.stop(within=timedelta(0)), self._server.stop_now())

    async def wait_stopped(self) -> None:
        """Return when the server has stopped."""
        await self._server.wait_stopped()

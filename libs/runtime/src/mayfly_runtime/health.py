"""Health: what `grpc.health.v1` answers follows what the services say about themselves.

A service is SERVING while its `Readiness` is ready; the server as a whole (the empty name) while all of them are. When
the server drains, everything is NOT_SERVING for good, and watchers are let go, so that they do not hold it up.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, cast

import grpc
import grpc.aio
from grpc_health.v1 import health_pb2
from grpc_health.v1.health import aio as health_aio

if TYPE_CHECKING:
    from collections.abc import Callable

_log = logging.getLogger("mayfly.health")

OVERALL = ""


class Readiness:
    """Whether a service can do its work right now. May be set from any thread; ready until told otherwise."""

    def __init__(self, *, ready: bool = True, reason: str = "") -> None:
        self._ready = ready
        self._reason = reason
        self._followers: list[Callable[[], None]] = []

    @property
    def ready(self) -> bool:
        """Whether the service can do its work."""
        return self._ready

    @property
    def reason(self) -> str:
        """Why not, for the log and for people."""
        return self._reason

    def set(self, *, ready: bool, reason: str = "") -> None:
        """Say how it is; what was said last counts.

        Args:
            ready: Whether the service can do its work.
            reason: Why not, for example `loading voices`. No secrets: it is logged.
        """
        self._ready, self._reason = ready, reason
        for follower in self._followers:
            follower()

    def follow(self, follower: Callable[[], None]) -> None:
        """Call `follower` after each change, in the thread that made it."""
        self._followers.append(follower)


class HealthServicer(health_aio.HealthServicer):
    """The standard servicer, fed by readiness, with watches that end when the server drains."""

    def __init__(self, readiness: dict[str, Readiness]) -> None:
        """Take the readiness of each service by its full name."""
        super().__init__()
        self._readiness = readiness
        self._watches: set[asyncio.Timeout] = set()
        self._updates: set[asyncio.Task[None]] = set()
        self._told: dict[str, bool] = {}
        self._draining = False

    async def start(self) -> None:
        """Tell the state of now, and every change from now on."""
        await self._tell()
        loop = asyncio.get_running_loop()
        for readiness in self._readiness.values():
            readiness.follow(lambda: _call_soon(loop, self._schedule))

    async def Watch(self, request: health_pb2.HealthCheckRequest, context: grpc.aio.ServicerContext[Any, Any]) -> None:  # noqa: N802 - the RPC's name
        """Stream the state of a service until the watcher goes, or the server drains."""
        try:
            async with asyncio.timeout(None) as watch:
                self._watches.add(watch)
                await super().Watch(request, context)
        except TimeoutError:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "The server is shutting down.")
        finally:
            self._watches.discard(watch)

    async def List(self, request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:  # noqa: ARG002, N802 - the RPC's
        """Tell the state of every service at once (the type stubs do not have it yet, hence `Any`)."""
        statuses = {name: health_pb2.HealthCheckResponse(status=_status(told)) for name, told in self._told.items()}
        return cast("Any", health_pb2).HealthListResponse(statuses=statuses)

    async def enter_graceful_shutdown(self) -> None:
        """Be NOT_SERVING for good."""
        self._draining = True
        self._told = dict.fromkeys(self._told, False)
        await super().enter_graceful_shutdown()

    def end_watches(self) -> None:
        """Let all watchers go."""
        for watch in self._watches:
            if not watch.expired():
                watch.reschedule(0)

    def _schedule(self) -> None:
        update = asyncio.get_running_loop().create_task(self._tell())
        self._updates.add(update)
        update.add_done_callback(self._updates.discard)

    async def _tell(self) -> None:
        for service, readiness in self._readiness.items():
            await self._tell_one(service, ready=readiness.ready, reason=readiness.reason)
        overall = all(readiness.ready for readiness in self._readiness.values())
        await self._tell_one(OVERALL, ready=overall, reason="")

    async def _tell_one(self, service: str, *, ready: bool, reason: str) -> None:
        if self._draining or self._told.get(service) == ready:
            return
        is_news = not ready or service in self._told
        self._told[service] = ready
        await self.set(service, _status(ready))
        if service != OVERALL and is_news:
            _log.info("readiness_changed", extra={"service": service, "ready": ready, "because": reason or None})


def _status(ready: bool) -> Any:  # noqa: FBT001 - it is the question
    return health_pb2.HealthCheckResponse.SERVING if ready else health_pb2.HealthCheckResponse.NOT_SERVING


def _call_soon(loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(callback)

"""Admission: a bound on how many RPCs run at a time, with an answer that says so.

gRPC's own limit answers without details; this one answers SERVER_BUSY with a `RetryInfo`, and counts what runs, which
draining wants to know.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from mayfly_runtime.errors import ErrorResponder
from mayfly_runtime.interception import Call, Handler, Interceptor
from mayfly_runtime.refusals import ServerBusyError

if TYPE_CHECKING:
    from datetime import timedelta


class AdmissionInterceptor(Interceptor):
    """Refuses what would be one RPC too many."""

    def __init__(self, *, limit: int, domain: str) -> None:
        self.limit = limit
        self.running = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._responder = ErrorResponder(domain=domain, table={})

    async def idle(self, *, within: timedelta) -> bool:
        """Wait until nothing runs; answers whether that came in time."""
        try:
            async with asyncio.timeout(within.total_seconds()):
                await self._idle.wait()
        except TimeoutError:
            return False
        return True

    def wrap(self, inner: Handler, method: str) -> Handler:  # noqa: ARG002 - one bound for all methods together
        """Run `inner` if there is room."""

        async def admit(request: Any, call: Call) -> Any:
            if self.running >= self.limit:
                await self._responder.abort(call, ServerBusyError("RPC slots", limit=self.limit))
            self._count(1)
            try:
                return await inner(request, call)
            finally:
                self._count(-1)

        return admit

    def _count(self, change: int) -> None:
        self.running += change
        if self.running == 0:
            self._idle.set()
        elif self.running == change:
            self._idle.clear()

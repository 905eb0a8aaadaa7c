"""Bounds on what runs: so many requests at a time, each so long at most."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from mayfly_gateway.errors import Problem
from mayfly_gateway.refusals import refusal

if TYPE_CHECKING:
    from datetime import timedelta

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_ALWAYS: Final = frozenset({"/healthz", "/readyz"})
"""Probes are answered by a busy gateway, too: being busy is no reason to be restarted."""

_BUSY: Final = Problem(
    status=503,
    reason="SERVER_BUSY",
    message="Too much is asked for at a time.",
    remedy="Come again in a moment.",
    retry_after=1,
)
_LATE: Final = Problem(
    status=504,
    reason="DEADLINE_EXCEEDED",
    message="The request took too long.",
    remedy="Ask for less at a time, or come again later.",
)


class Admission:
    """Refuses what would be one request too many, and ends what takes too long."""

    def __init__(self, app: ASGIApp, *, most: int, longest: timedelta) -> None:
        """Take the application and its bounds."""
        self._app = app
        self._most = most
        self._seconds = longest.total_seconds()
        self._running = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the request, if there is room."""
        if scope["type"] != "http" or scope["path"] in _ALWAYS:
            await self._app(scope, receive, send)
            return
        if self._running >= self._most:
            await refusal(scope["path"], _BUSY)(scope, receive, send)
            return
        self._running += 1
        try:
            await self._run(scope, receive, send)
        finally:
            self._running -= 1

    async def _run(self, scope: Scope, receive: Receive, send: Send) -> None:
        has_begun = False

        async def note(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            async with asyncio.timeout(self._seconds) as bound:
                await self._app(scope, receive, note)
        except TimeoutError:
            # An answer that has begun stays without its end, so that nobody takes it for whole.
            if bound.expired() and not has_begun:
                await refusal(scope["path"], _LATE)(scope, receive, send)
                return
            _hang_up(scope)
            raise


def _hang_up(scope: Scope) -> None:
    """End the connection at once: closing would wait until all is sent, for ever where nobody reads."""
    hang_up = scope.get("state", {}).get("hang_up")
    if hang_up is not None:  # a server's own; where there is none, there is no connection
        hang_up()

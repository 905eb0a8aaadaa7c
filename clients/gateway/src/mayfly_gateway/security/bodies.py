"""Bounds on what comes in: a body that is too large is refused before it is read, one that stalls is not waited for."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException

from mayfly_gateway.errors import Problem
from mayfly_gateway.refusals import refusal

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta

    from starlette.types import ASGIApp, Message, Receive, Scope, Send


class BoundedBodies:
    """Refuses by the announced length, and by what really comes."""

    def __init__(self, app: ASGIApp, *, limit_of: Callable[[str], int], patience: timedelta) -> None:
        """Take the application, the largest body of a path, and the longest wait for the next bytes."""
        self._app = app
        self._limit_of = limit_of
        self._seconds = patience.total_seconds()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._limit_of(scope["path"])
        problem = _problem(Headers(scope=scope), limit)
        if problem is not None:
            await refusal(scope["path"], problem)(scope, receive, send)
            return
        await self._app(scope, _Bounded(receive, limit, self._seconds), send)


class _Bounded:
    """The rest of a body, as it comes."""

    def __init__(self, receive: Receive, limit: int, seconds: float) -> None:
        self._receive = receive
        self._left = limit
        self._seconds = seconds
        self._complete = False

    async def __call__(self) -> Message:
        if self._complete:  # what comes now is the end of the connection, for which one may wait
            return await self._receive()
        try:
            async with asyncio.timeout(self._seconds):
                message = await self._receive()
        except TimeoutError:
            raise HTTPException(408) from None
        self._left -= len(message.get("body", b""))
        self._complete = not message.get("more_body", False)
        if self._left < 0:
            raise HTTPException(413)
        return message


def _problem(headers: Headers, limit: int) -> Problem | None:
    lengths = headers.getlist("content-length")
    if len(lengths) + len(headers.getlist("transfer-encoding")) > 1:
        # A proxy before us may have gone by the other one, and taken the rest for a request of its own.
        return Problem(status=400, reason="TWO_LENGTHS", message="Send one of Content-Length and Transfer-Encoding.")
    if lengths and (not lengths[0].isdecimal() or int(lengths[0]) > limit):
        return Problem(
            status=413,
            reason="CONTENT_TOO_LARGE",
            message=f"At most {limit:,} bytes are taken here.",
            remedy="Send less.",
            metadata={"max_bytes": str(limit)},
        )
    return None

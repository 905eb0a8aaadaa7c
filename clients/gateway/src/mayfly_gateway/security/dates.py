"""The time of each answer: pages count down to an expiry by it, as a guest's own clock may be wrong."""

from __future__ import annotations

from email.utils import format_datetime
from typing import TYPE_CHECKING

from starlette.datastructures import MutableHeaders

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Dated:
    """Adds `Date`, which uvicorn's own server would, to every answer."""

    def __init__(self, app: ASGIApp, now: Callable[[], datetime]) -> None:
        """Take the application and the clock, which is in UTC."""
        self._app = app
        self._now = now

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the request."""

        async def with_date(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).setdefault("Date", format_datetime(self._now(), usegmt=True))
            await send(message)

        await self._app(scope, receive, with_date if scope["type"] == "http" else send)

"""The link server's application: its routes, a bound on what runs, and one log line per request."""

from __future__ import annotations

import asyncio
import logging
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any, Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route

from mayfly_runtime.errors import ServerBusyError
from mayfly_storage.backends.embedded.link_server.errors import EXPECTED, LinkError, refuse, refuse_unexpected
from mayfly_storage.domain.audio import AudioName

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable
    from datetime import datetime

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from mayfly_storage.backends.embedded.link_server.downloads import Downloads
    from mayfly_storage.backends.embedded.link_server.uploads import Uploads

logger = logging.getLogger(__name__)

_CLOSE: Final = {"Connection": "close"}
_METHODS: Final = frozenset({"GET", "HEAD", "PUT"})


def link_app(
    downloads: Downloads,
    uploads: Uploads,
    *,
    max_requests: int,
    now: Callable[[], datetime],
    traffic: Counter[tuple[str, int]],
) -> ASGIApp:
    """The application. No CORS: a page of another origin may play a link, but not read it."""

    async def download(request: Request) -> Any:
        return await downloads(request)

    async def upload(request: Request) -> Any:
        return await uploads(request)

    routes = [
        Route("/audio/{date}/{audio_id}", download, methods=["GET", "HEAD"]),
        Route("/uploads/{date}/{audio_id}", upload, methods=["PUT"]),
    ]
    handlers: dict[Any, Any] = {**dict.fromkeys(EXPECTED, refuse), Exception: refuse_unexpected}
    app = Starlette(routes=routes, exception_handlers=handlers)
    # A redirect would lead to whatever the client calls this host, and take the signature along.
    app.router.redirect_slashes = False
    return Recorded(BoundedApp(app, limit=max_requests), now=now, traffic=traffic)


class BoundedApp:
    """Refuses what would be one request too many."""

    def __init__(self, app: ASGIApp, *, limit: int) -> None:
        """Take the application and how many of its requests may run at a time."""
        self._app = app
        self._limit = limit
        self._running = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the request if there is room, and if it cannot be read in two ways."""
        refusal = self._refusal(scope)
        if refusal is not None:
            response = await refuse(Request(scope), refusal)
            await response(scope, receive, send)
            return
        self._running += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._running -= 1

    def _refusal(self, scope: Scope) -> Exception | None:
        if {b"content-length", b"transfer-encoding"} <= {name for name, _ in scope["headers"]}:
            # A proxy before us may have gone by the other one, and taken the rest for a request of its own.
            return LinkError(400, "TWO_LENGTHS", "Send one of Content-Length and Transfer-Encoding.", _CLOSE)
        if self._running >= self._limit:
            return ServerBusyError("link requests", limit=self._limit)
        return None


class Recorded:
    """Dates each answer, and logs one line about it: never the query, which holds the signature, nor who asked."""

    def __init__(self, app: ASGIApp, *, now: Callable[[], datetime], traffic: Counter[tuple[str, int]]) -> None:
        """Take the application, the clock, and what counts the answers by method and status."""
        self._app = app
        self._now = now
        self._traffic = traffic

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the request."""
        began, sent = asyncio.get_running_loop().time(), {"status": 0, "size_bytes": 0}

        async def record(message: Message) -> None:
            if message["type"] == "http.response.start":
                sent["status"] = message["status"]
                message["headers"].append((b"date", format_datetime(self._now(), usegmt=True).encode()))
            sent["size_bytes"] += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive, record)
        finally:
            elapsed = asyncio.get_running_loop().time() - began
            facts = {"audio": _audio(scope), "method": scope["method"], **sent, "elapsed_ms": round(elapsed * 1000, 1)}
            logger.info("link_request", extra=facts)
            # Methods are the client's words, and would be as many counters.
            method = scope["method"] if scope["method"] in _METHODS else "other"
            self._traffic[method, sent["status"]] += 1


def _audio(scope: Scope) -> str:
    """The audio's name, if the path is one; nothing else of a path gets into the log."""
    parameters = scope.get("path_params", {})
    try:
        return str(AudioName.parse(f"audio/{parameters.get('date')}/{parameters.get('audio_id')}"))
    except ValueError:
        return "none"

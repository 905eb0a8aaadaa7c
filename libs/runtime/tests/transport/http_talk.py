"""An application that answers, hangs up or waits as it is told, a server of it, and clients that speak in bytes."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from mayfly_runtime.http_server import HttpServer
from mayfly_runtime.server_options import HttpOptions

PATIENCE = 20
SOON = timedelta(milliseconds=50)
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
ONCE = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
HELD = b"GET /held HTTP/1.1\r\nHost: x\r\n\r\n"
LARGE = b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n"
LARGE_ONCE = b"GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
HANG_UP = b"GET /hang-up HTTP/1.1\r\nHost: x\r\n\r\n"
MUCH = 32 * 1024 * 1024
"""More than the system takes of an answer that nobody reads."""


class App:
    """Answers, hangs up, or holds its answer back until the test lets it go, as the path says."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.go = asyncio.Event()
        self.cancelled = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/large":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": bytes(MUCH)})
            self.begun.set()
            return
        if scope["path"] == "/hang-up":
            scope["state"]["hang_up"]()
            return
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
        await send({"type": "http.response.body", "body": b"he", "more_body": True})
        if scope["path"] == "/held":
            await self._wait()
        await send({"type": "http.response.body", "body": b"llo"})

    async def _wait(self) -> None:
        self.begun.set()
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise


def serve(app: App, **changes: Any) -> HttpServer:
    return HttpServer(app, HttpOptions(**{"listen": "127.0.0.1:0", "max_connections": 10, **changes}))


async def connect(server: HttpServer) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection(server.address.host, server.address.port)


async def read_to_end(reader: asyncio.StreamReader) -> bytes:
    """Everything until the server hangs up, in whichever way."""
    try:
        async with asyncio.timeout(PATIENCE):
            return await reader.read()
    except ConnectionResetError:
        return b""


async def talk(server: HttpServer, request: bytes) -> bytes:
    """All that the server answers to bytes, until it hangs up."""
    reader, writer = await connect(server)
    writer.write(request)
    answer = await read_to_end(reader)
    writer.close()
    return answer


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes = GET) -> bytes:
    """One whole answer upon a connection that stays."""
    writer.write(request)
    return await reader.readuntil(b"\r\n\r\n") + await reader.readexactly(5)

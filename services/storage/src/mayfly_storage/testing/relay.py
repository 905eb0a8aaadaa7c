"""A TCP relay that can be cut, or hang: an outage of whatever is behind it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Relay:
    """Between clients and a server."""

    def __init__(self, host: str, port: int) -> None:
        """Take where the server is."""
        self._target = (host, port)
        self._open: set[asyncio.StreamWriter] = set()
        self._down = False
        self._flows = asyncio.Event()
        self._flows.set()
        self.url = ""

    def cut(self) -> None:
        """Break all connections, and end each new one at once."""
        self._down = True
        for writer in tuple(self._open):
            writer.transport.abort()

    def hang(self) -> None:
        """Let nothing pass, and break nothing."""
        self._flows.clear()

    def mend(self) -> None:
        """Let everything pass again, also what hung."""
        self._down = False
        self._flows.set()

    async def connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        if self._down:
            writer.transport.abort()
            return
        far_reader, far_writer = await asyncio.open_connection(*self._target)
        ends = {writer, far_writer}
        self._open |= ends
        try:
            await asyncio.gather(self._pump(reader, far_writer), self._pump(far_reader, writer))
        finally:
            self._open -= ends
            for end in ends:
                end.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65_536):
                await self._flows.wait()
                writer.write(data)
                await writer.drain()
        writer.transport.abort()


@asynccontextmanager
async def relay_to(url: str) -> AsyncIterator[Relay]:
    """A relay to a URL's host and port, on loopback; `relay.url` is where it is."""
    parts = urlsplit(url)
    relay = Relay(parts.hostname or "127.0.0.1", parts.port or 80)
    server = await asyncio.start_server(relay.connect, "127.0.0.1", 0)
    relay.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield relay
    finally:
        server.close()
        relay.mend()
        relay.cut()
        await server.wait_closed()

"""The small HTTP endpoint behind the signed links, in the event loop of the service."""

from __future__ import annotations

import asyncio
import contextlib
import math
import socket
from typing import TYPE_CHECKING, Self

import h11
import uvicorn
from uvicorn.server import ServerState

from mayfly_runtime.addresses import CannotListenError, InvalidAddressError, ListenAddress
from mayfly_storage.backends.embedded.link_server.protocol import BoundedProtocol

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from mayfly_storage.backends.embedded.options import LinkServerOptions


class LinkServer:
    """Serves an application at one address; `async with` starts it, and stops it within `options.drain`.

    It is uvicorn's HTTP without uvicorn's server: the service has its own signal handlers, and one loop.
    """

    def __init__(self, app: ASGIApp, options: LinkServerOptions) -> None:
        """Take what is served and where. Nothing is opened yet."""
        self._options = options
        self._config = _config(app, options)
        self._state = ServerState()
        self._one_gone = asyncio.Event()
        self._listener: asyncio.Server | None = None

    @property
    def address(self) -> ListenAddress:
        """Where it listens, with the true port."""
        if self._listener is None:
            raise RuntimeError("the link server is not started")
        port: int = self._listener.sockets[0].getsockname()[1]
        return ListenAddress.parse(self._options.listen).with_port(port)

    async def __aenter__(self) -> Self:
        """Listen.

        Raises:
            ListenError: If the address is wrong or taken.
        """
        listener = await _listen(self._options.listen)
        self._config.load()
        self._listener = await asyncio.get_running_loop().create_server(self._connection, sock=listener)
        return self

    def _connection(self) -> BoundedProtocol:
        return BoundedProtocol(
            self._config, self._state, head_timeout=self._options.head_timeout, on_lost=self._one_gone.set
        )

    async def __aexit__(self, *_: object) -> None:
        """Take no more requests, let transfers end, and cut off those that do not."""
        if self._listener is None:
            return
        self._listener.close()
        for connection in tuple(self._state.connections):
            with contextlib.suppress(h11.LocalProtocolError):  # it is broken already
                connection.shutdown()
        try:
            async with asyncio.timeout(self._options.drain.total_seconds()):
                await self._all_gone()
        except TimeoutError:
            await self._cut_off()

    async def _all_gone(self) -> None:
        while self._state.connections:
            self._one_gone.clear()
            await self._one_gone.wait()
        if self._state.tasks:  # they clean up behind clients that have gone
            await asyncio.wait(tuple(self._state.tasks))

    async def _cut_off(self) -> None:
        late = tuple(self._state.tasks)
        for task in late:
            task.cancel()
        for connection in tuple(self._state.connections):
            connection.transport.abort()
        if late:
            await asyncio.wait(late, timeout=1)


def _config(app: ASGIApp, options: LinkServerOptions) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http="h11",
        ws="none",
        lifespan="off",
        interface="asgi3",
        # Its log lines carry queries, and with them signatures; `app.py` writes lines of its own.
        access_log=False,
        log_config=None,
        log_level="critical",
        proxy_headers=False,
        timeout_keep_alive=math.ceil(options.head_timeout.total_seconds()),
        # Connections, not requests: the application bounds those, and says so in words.
        limit_concurrency=4 * options.max_requests,
        h11_max_incomplete_event_size=16 * 1024,
    )


async def _listen(text: str) -> socket.socket:
    address = ListenAddress.parse(text)
    if address.is_unix:
        raise InvalidAddressError(text)
    try:
        return await _bind(address)
    except OSError as error:
        address.check()  # says what is wrong
        raise CannotListenError(str(address), error.strerror or str(error)) from error


async def _bind(address: ListenAddress) -> socket.socket:
    found = await asyncio.get_running_loop().getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    family, kind, protocol, _, target = found[0]
    listener = socket.socket(family, kind, protocol)
    try:
        # Restarts need not wait for the last connections' ghosts; a port that somebody listens at stays refused.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(target)
        listener.listen()
    except OSError:
        listener.close()
        raise
    return listener

"""An HTTP server in the event loop of a service: uvicorn's HTTP, without uvicorn's signal handlers and with bounds.

Needs the extra `mayfly-runtime[http]`.
"""

from __future__ import annotations

import asyncio
import math
import socket
from typing import TYPE_CHECKING, Any, Final, Self

import uvicorn
from uvicorn.server import ServerState

from mayfly_runtime.addresses import CannotListenError, InvalidAddressError, ListenAddress
from mayfly_runtime.http_protocol import PromptProtocol
from mayfly_runtime.server_options import KIB

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    from mayfly_runtime.server_options import HttpOptions

    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]
    ASGIApp = Callable[[Message, Receive, Send], Awaitable[None]]

_MAX_HEAD_BYTES: Final = 16 * KIB


class HttpServer:
    """Serves an application at one address; `async with` starts it, and drains it at the end.

    What a request finds in its scope: `scope["state"]["hang_up"]()` ends its connection at once. Closing would first
    wait until all is sent, for ever if nobody reads.
    """

    def __init__(self, app: ASGIApp, options: HttpOptions) -> None:
        """Take what is served and how. Nothing is opened yet."""
        self._options = options
        self._config = _config(app, options)
        self._state = ServerState()
        self._one_gone = asyncio.Event()
        self._stopped = asyncio.Event()
        self._listener: asyncio.Server | None = None
        self._address: ListenAddress | None = None

    @property
    def address(self) -> ListenAddress:
        """Where it listens, with the true port."""
        if self._address is None:
            raise RuntimeError("the HTTP server is not started")
        return self._address

    async def __aenter__(self) -> Self:
        """Listen.

        Raises:
            ListenError: If the address is wrong or taken.
        """
        address = ListenAddress.parse(self._options.listen)
        listener = await _listen(address)
        self._address = address.with_port(listener.getsockname()[1])
        self._config.load()
        self._listener = await asyncio.get_running_loop().create_server(self._connection, sock=listener)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Drain."""
        await self.drain()

    async def wait_stopped(self) -> None:
        """Return when it has stopped."""
        await self._stopped.wait()

    async def drain(self) -> None:
        """Take no more requests, let those that run end within `HttpOptions.drain`, and cut off those that do not."""
        if self._listener is None or self._stopped.is_set():
            return
        self._listener.close()
        for connection in tuple(self._state.connections):
            connection.shutdown()
        try:
            async with asyncio.timeout(self._options.drain.total_seconds()):
                await self._all_gone()
        except TimeoutError:
            await self.stop_now()
        self._stopped.set()

    async def stop_now(self) -> None:
        """Cut off everything that runs."""
        late = tuple(self._state.tasks)
        for task in late:
            task.cancel()
        for connection in tuple(self._state.connections):
            connection.transport.abort()
        if late:
            await asyncio.wait(late, timeout=1)

    async def _all_gone(self) -> None:
        while self._state.connections:
            self._one_gone.clear()
            await self._one_gone.wait()
        if self._state.tasks:  # they clean up behind clients that have gone
            await asyncio.wait(tuple(self._state.tasks))

    def _connection(self) -> PromptProtocol:
        return PromptProtocol(self._config, self._state, options=self._options, on_lost=self._one_gone.set)


def _config(app: ASGIApp, options: HttpOptions) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http="h11",
        ws="none",
        lifespan="off",
        interface="asgi3",
        # Its lines carry addresses, paths and queries, and with them signatures; services write lines of their own.
        access_log=False,
        log_config=None,
        log_level="critical",
        proxy_headers=False,
        timeout_keep_alive=math.ceil(options.head_timeout.total_seconds()),
        limit_concurrency=options.max_connections + 1,  # it refuses whoever makes them as many
        h11_max_incomplete_event_size=_MAX_HEAD_BYTES,
    )


async def _listen(address: ListenAddress) -> socket.socket:
    if address.is_unix:
        raise InvalidAddressError(str(address))
    try:
        return await _bind(address)
    except OSError as error:
        await asyncio.to_thread(address.check)  # says what is wrong
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

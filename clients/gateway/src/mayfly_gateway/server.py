"""The HTTP server: uvicorn's HTTP without uvicorn's signal handlers, with bounds on slow heads and on the end."""

from __future__ import annotations

import asyncio
import math
import socket
from typing import TYPE_CHECKING, Self

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from mayfly_runtime.addresses import CannotListenError, InvalidAddressError, ListenAddress

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta

    from starlette.types import ASGIApp
    from uvicorn.protocols.http.h11_impl import RequestResponseCycle

    from mayfly_gateway.config import GatewaySettings


class HttpServer:
    """Serves an application at one address; `async with` starts it, and drains it at the end."""

    def __init__(self, app: ASGIApp, settings: GatewaySettings) -> None:
        """Take what is served and where. Nothing is opened yet."""
        self._settings = settings
        self._config = _config(app, settings)
        self._state = ServerState()
        self._one_gone = asyncio.Event()
        self._stopped = asyncio.Event()
        self._listener: asyncio.Server | None = None

    @property
    def address(self) -> ListenAddress:
        """Where it listens, with the true port."""
        if self._listener is None:
            raise RuntimeError("the server is not started")
        port: int = self._listener.sockets[0].getsockname()[1]
        return ListenAddress.parse(self._settings.listen).with_port(port)

    async def __aenter__(self) -> Self:
        """Listen.

        Raises:
            ListenError: The address is wrong or taken.
        """
        listener = await _listen(self._settings.listen)
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
        """Take no more requests, let those that run end within `drain`, and cut off those that do not."""
        if self._listener is None or self._stopped.is_set():
            return
        self._listener.close()
        for connection in tuple(self._state.connections):
            connection.shutdown()
        try:
            async with asyncio.timeout(self._settings.drain.total_seconds()):
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
        return PromptProtocol(
            self._config, self._state, head_timeout=self._settings.head_timeout, on_lost=self._one_gone.set
        )


class PromptProtocol(H11Protocol):
    """A connection that has to say soon what it wants: uvicorn bounds idleness, not how slowly a head trickles in."""

    def __init__(
        self, config: uvicorn.Config, state: ServerState, *, head_timeout: timedelta, on_lost: Callable[[], None]
    ) -> None:
        """Take uvicorn's part, the patience, and whom to tell when the connection has ended."""
        super().__init__(config=config, server_state=state, app_state={})
        self._head_seconds = head_timeout.total_seconds()
        self._on_lost = on_lost
        self._patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as in uvicorn's class
        """Start to wait for the first request."""
        super().connection_made(transport)
        self._wait_for_head()

    def data_received(self, data: bytes) -> None:
        """Wait for the rest of a head that has begun; stop to wait when it is there."""
        self._wait_for_head()
        super().data_received(data)
        if not self._between_requests():
            self._stop_waiting()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop to wait."""
        self._stop_waiting()
        super().connection_lost(exc)
        self._on_lost()

    def _between_requests(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle  # uvicorn declares it without the None that it begins as
        return cycle is None or cycle.response_complete

    def _wait_for_head(self) -> None:
        if self._patience is None and self._between_requests():
            self._patience = self.loop.call_later(self._head_seconds, self.transport.abort)

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None


def _config(app: ASGIApp, settings: GatewaySettings) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http="h11",
        ws="none",
        lifespan="off",
        interface="asgi3",
        # Its lines carry addresses and paths; the gateway writes lines of its own.
        access_log=False,
        log_config=None,
        log_level="critical",
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=math.ceil(settings.head_timeout.total_seconds()),
        # Connections, not requests: those are bounded by the application, which says so in words.
        limit_concurrency=4 * settings.max_requests,
        h11_max_incomplete_event_size=16 * 1024,
    )


async def _listen(text: str) -> socket.socket:
    address = ListenAddress.parse(text)
    if address.is_unix:
        raise InvalidAddressError(text)
    found = await asyncio.get_running_loop().getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    family, kind, protocol, _, target = found[0]
    listener = socket.socket(family, kind, protocol)
    try:
        # Restarts need not wait for the last connections' ghosts; a port that somebody listens at stays refused.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(target)
        listener.listen()
    except OSError as error:
        listener.close()
        address.check()  # says what is wrong
        raise CannotListenError(str(address), error.strerror or str(error)) from error
    return listener

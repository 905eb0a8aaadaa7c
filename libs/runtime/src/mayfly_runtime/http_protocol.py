"""HTTP connections that have to say soon what they want, and to take what they asked for."""

from __future__ import annotations

import contextlib
import math
from typing import TYPE_CHECKING, Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    import uvicorn
    from uvicorn.protocols.http.h11_impl import RequestResponseCycle
    from uvicorn.server import ServerState

    from mayfly_runtime.server_options import HttpOptions

ROOM_TO_REFUSE: Final = 64
"""Connections beyond `HttpOptions.max_connections` that are let in, to be told 503. The next are hung up on at once:
whoever opens connections and says nothing must not get all files that the process may open."""


class PromptProtocol(H11Protocol):
    """Bounds what uvicorn leaves open.

    It ends idle connections, but waits for ever for a request's head that trickles in, and for whoever takes nothing of
    an answer: closing a connection waits until all is sent.
    """

    def __init__(
        self, config: uvicorn.Config, state: ServerState, *, options: HttpOptions, on_lost: Callable[[], None]
    ) -> None:
        """Take uvicorn's part, the bounds, and whom to tell when the connection has ended."""
        super().__init__(config=config, server_state=state, app_state={"hang_up": self._hang_up})
        self._options = options
        self._on_lost = on_lost
        self._patience: asyncio.TimerHandle | None = None
        self._rest: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as in uvicorn's class
        """Start to wait for the first request."""
        super().connection_made(transport)
        if len(self.connections) > self._options.max_connections + ROOM_TO_REFUSE:
            self._hang_up()
        else:
            self._watch_head()

    def data_received(self, data: bytes) -> None:
        """Wait for the rest of a head that has begun; stop to wait when it is complete."""
        self._watch_head()
        super().data_received(data)
        if not self._awaits_head():
            self._forget_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop to wait."""
        self._forget_head()
        self._forget_rest()
        super().connection_lost(exc)
        self._on_lost()

    def on_response_complete(self) -> None:
        """Wait until the rest of the answer is taken, too."""
        super().on_response_complete()
        self._forget_rest()
        self._watch_rest(math.inf)

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP; hang up where an answer has begun, and no other can be given any more."""
        try:
            super().send_400_response(msg)
        except h11.LocalProtocolError:
            self._hang_up()

    def shutdown(self) -> None:
        """End after the request that runs, or at once if none does."""
        with contextlib.suppress(h11.LocalProtocolError):  # it is broken, and ends by itself
            super().shutdown()

    def _awaits_head(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle  # uvicorn declares it without the None that it begins as
        return cycle is None or cycle.response_complete

    def _watch_head(self) -> None:
        if self._patience is None and self._awaits_head():
            self._patience = self.loop.call_later(self._options.head_timeout.total_seconds(), self._hang_up)

    def _forget_head(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _watch_rest(self, before: float) -> None:
        """Hang up if nothing was taken since `before` bytes were left. The next request's answer is watched anew."""
        left = self.transport.get_write_buffer_size()
        if not left or not self._awaits_head():
            return
        if left >= before:
            self._hang_up()
        else:
            self._rest = self.loop.call_later(self._options.take_timeout.total_seconds(), self._watch_rest, left)

    def _forget_rest(self) -> None:
        if self._rest is not None:
            self._rest.cancel()
            self._rest = None

    def _hang_up(self) -> None:
        self.transport.abort()

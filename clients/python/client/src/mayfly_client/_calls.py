"""What a call needs besides its request: a bound in time, and errors that a caller understands."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import grpc

from mayfly_client._error_mapping import from_rpc_error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mayfly_client.config import ClientSettings

# A transfer or a stream lasts as long as its bytes; it gets this many times the bound of a single call.
_LONG = 10


class Calls:
    """The part of a client that both kinds share."""

    def __init__(self, settings: ClientSettings) -> None:
        self.settings = settings
        self._closed = False

    def _refuse_closed(self) -> None:
        if self._closed:
            raise RuntimeError("this client is closed; make a new one")

    def _target(self, service: str) -> str:
        targets = {"storage": self.settings.storage, "synth": self.settings.synth, "sweeper": self.settings.sweeper}
        return targets[service]

    def _short(self, timeout: float | None) -> float:
        """Seconds for a single call."""
        return self.settings.timeout if timeout is None else timeout

    def _long(self, timeout: float | None) -> float:
        """Seconds for a transfer or a stream."""
        return self.settings.timeout * _LONG if timeout is None else timeout

    @contextmanager
    def _errors(self, service: str) -> Iterator[None]:
        """Turn what gRPC raises inside into a MayflyError."""
        try:
            yield
        except grpc.RpcError as error:
            raise from_rpc_error(error, service=service, target=self._target(service)) from error

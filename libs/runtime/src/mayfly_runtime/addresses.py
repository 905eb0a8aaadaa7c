"""Listen addresses: what they mean, who can reach them, and why one cannot be bound."""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final


class ListenError(Exception):
    """A server cannot serve at its address."""

    def __init__(self, message: str, *, address: str) -> None:
        super().__init__(message)
        self.address = address


class InvalidAddressError(ListenError):
    """The address is not written as one."""

    def __init__(self, address: str) -> None:
        super().__init__(
            f"{address!r} is no address to listen at; write host:port, [::1]:port or unix:/path", address=address
        )


class PortInUseError(ListenError):
    """Another process listens at the address."""

    def __init__(self, address: str) -> None:
        super().__init__(
            f"The address {address} is in use by another process. Stop that process (`ss -ltnp` names it), or choose "
            "another port in the settings; port 0 picks a free one.",
            address=address,
        )


class CannotListenError(ListenError):
    """The system does not let this process listen at the address."""

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(f"Cannot listen at {address}: {reason}.", address=address)


class UnprotectedAddressError(ListenError):
    """A server that lets everybody do everything would be reachable from other machines."""

    def __init__(self, address: str) -> None:
        super().__init__(
            f"Refusing to serve {address} without callers: everybody who reaches it could do everything. Configure a "
            "callers file, or listen at a loopback address such as 127.0.0.1.",
            address=address,
        )


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """A parsed address."""

    host: str
    """Host name or IP address without brackets; the path of a `unix:` address."""

    port: int
    is_unix: bool = False

    @classmethod
    def parse(cls, text: str) -> ListenAddress:
        """Read `host:port`, `[::1]:port` or `unix:/path`.

        Raises:
            InvalidAddressError: If the text is none of them.
        """
        if text.startswith("unix:") and len(text) > len("unix:"):
            return cls(text.removeprefix("unix:"), 0, is_unix=True)
        host, colon, port = text.rpartition(":")
        bare = host.removeprefix("[").removesuffix("]")
        has_brackets = host.startswith("[") and host.endswith("]")
        if not colon or not bare or (":" in bare) != has_brackets or not port.isascii() or not port.isdigit():
            raise InvalidAddressError(text)
        if int(port) > _MAX_PORT:
            raise InvalidAddressError(text)
        return cls(bare, int(port))

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the address."""
        if self.is_unix or self.host.lower() == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def with_port(self, port: int) -> ListenAddress:
        """The same address at another port."""
        return ListenAddress(self.host, port, self.is_unix)

    def check(self) -> None:
        """Make sure that the whole address can be bound; blocks for a moment.

        gRPC itself is content with a part: with `localhost` it may serve `::1` while another process has `127.0.0.1`,
        and it takes a unix socket away from a process that serves it.

        Raises:
            ListenError: If the address, or a part of it, cannot be bound.
        """
        if self.is_unix:
            self._check_unix()
        else:
            self._check_tcp()

    def _check_tcp(self) -> None:
        try:
            targets = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        except socket.gaierror:
            raise CannotListenError(str(self), f"the host {self.host!r} is not known") from None
        failures = [error for target in targets if (error := _failure_to_bind(target)) is not None]
        for error in failures:
            if error.errno == errno.EADDRINUSE:
                raise PortInUseError(str(self)) from error
        # A name may stand for more addresses than this machine has (no IPv6, for example); one is enough.
        if len(failures) == len(targets):
            raise CannotListenError(str(self), _reason(failures[0])) from failures[0]

    def _check_unix(self) -> None:
        folder = Path(self.host).parent
        if not os.access(folder, os.W_OK | os.X_OK):
            raise CannotListenError(str(self), f"the folder {folder} is not there, or not writable")
        with socket.socket(socket.AF_UNIX) as probe:
            # Nobody answers at a socket that a dead process left behind; gRPC removes it.
            if probe.connect_ex(self.host) == 0:
                raise PortInUseError(str(self))

    def __str__(self) -> str:
        if self.is_unix:
            return f"unix:{self.host}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


_MAX_PORT: Final = 65_535
_REASONS: Final = {
    errno.EACCES: "ports below 1024 need a privilege that this process does not have; choose a higher one",
    errno.EADDRNOTAVAIL: "the address does not belong to this machine",
}


def _reason(error: OSError) -> str:
    return _REASONS.get(error.errno or 0) or error.strerror or str(error)


def _failure_to_bind(target: tuple[Any, ...]) -> OSError | None:
    family, kind, protocol, _, address = target
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
            # Listening is what fails where SO_REUSEADDR let the bind pass.
            probe.listen(1)
        except OSError as error:
            return error
    return None

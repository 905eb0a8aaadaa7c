"""Where the local set lies: ports on loopback, folders below the project."""

from __future__ import annotations

import random
import socket
import time
from contextlib import ExitStack
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent.parent
HOST = "127.0.0.1"
DEFAULT_BASE = 50_000
_POLL = 0.05
# Below those that systems give to outgoing connections, one of which could have a port between the look and the use.
_OURS = range(20_000, 32_000)


class PortsTakenError(Exception):
    """Ports that the set needs are in use."""

    def __init__(self, taken: dict[str, int]) -> None:
        told = ", ".join(f"{port} ({name})" for name, port in taken.items())
        super().__init__(
            f"Ports in use by something else: {told}. Stop it (`ss -ltnp` names it), or choose other ports: "
            f"MAYFLY_PORT_BASE=51000 uses 51051 instead of 50051, and so on."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """One port for each door."""

    storage: int
    retention: int
    links: int
    synth: int
    sweeper: int
    gateway: int
    moto: int

    @classmethod
    def at(cls, base: int) -> Self:
        """The usual ports, moved so that 50000 becomes `base`."""
        return cls(
            storage=base + 51,
            retention=base + 52,
            links=base + 80,
            synth=base + 61,
            sweeper=base + 71,
            gateway=base + 88,
            moto=base + 90,
        )

    @classmethod
    def free(cls) -> Self:
        """Ports that nobody uses right now."""
        names = [field.name for field in fields(cls)]
        with ExitStack() as stack:
            return cls(**dict(zip(names, _bound(stack), strict=False)))

    def require_free(self, names: tuple[str, ...], *, patience: float = 0.0) -> None:
        """See that all of the named ports can be bound.

        Args:
            names: Which.
            patience: Seconds to wait for them: a process that was killed a moment ago may still hold one.

        Raises:
            PortsTakenError: With every one that cannot.
        """
        end = time.monotonic() + patience
        while taken := {name: getattr(self, name) for name in names if _is_taken(getattr(self, name))}:
            if time.monotonic() >= end:
                raise PortsTakenError(taken)
            time.sleep(_POLL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Where one set keeps its things."""

    ports: Ports

    data: Path
    """What storage keeps."""

    run: Path
    """Logs, and the record of what runs."""

    def address(self, door: str) -> str:
        """Host and port of a door, by its name in `Ports`."""
        return f"{HOST}:{getattr(self.ports, door)}"

    def log(self, name: str) -> Path:
        """The log file of a process."""
        return self.run / f"{name}.log"


def project_layout(base: int = DEFAULT_BASE) -> Layout:
    """The set of `make up`. Another base has folders of its own, so that two sets can run side by side."""
    own = "." if base == DEFAULT_BASE else str(base)
    return Layout(ports=Ports.at(base), data=ROOT / ".data" / own, run=ROOT / ".run" / own)


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        # As servers do: a port whose old connections still linger is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
            probe.listen(1)
        except OSError:
            return True
    return False


def _bound(stack: ExitStack) -> Iterator[int]:
    """Ports that are bound until the stack ends; in no order, so that others who look at the same time find others."""
    for port in random.SystemRandom().sample(_OURS, len(_OURS)):
        try:
            stack.enter_context(socket.create_server((HOST, port)))
        except OSError:
            continue
        yield port

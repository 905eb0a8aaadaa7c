"""What runs: one JSON file, so that `down` stops exactly what `up` started."""

from __future__ import annotations

import fcntl
import json
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from tools.stack.processes import Running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools.stack.layout import Layout

_FILE = "stack.json"


class BusyError(Exception):
    """Another `up` or `down` of the same set is at work."""

    def __init__(self) -> None:
        super().__init__("Another `make up` or `make down` is at work here. Wait for its end.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What was started, in the order of the start."""

    backend: str
    processes: tuple[Running, ...] = ()

    def alive(self) -> list[Running]:
        """Those that still run."""
        return [process for process in self.processes if process.is_alive()]


def read(layout: Layout) -> Record | None:
    """The record of a set; None if it is down."""
    try:
        told = json.loads((layout.run / _FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return Record(backend=told["backend"], processes=tuple(Running(**one) for one in told["processes"]))


def write(layout: Layout, record: Record) -> None:
    """Keep a record. Written beside and renamed: a crash leaves the old one or the new one."""
    beside = layout.run / f"{_FILE}.new"
    beside.write_text(json.dumps(asdict(record), indent=2), encoding="utf-8")
    beside.replace(layout.run / _FILE)


def remove(layout: Layout) -> None:
    """Forget what ran."""
    (layout.run / _FILE).unlink(missing_ok=True)


@contextmanager
def exclusively(layout: Layout) -> Iterator[None]:
    """Let nobody else start or stop the set meanwhile. The system lets go of the lock when a process ends.

    Raises:
        BusyError: Somebody else does.
    """
    layout.run.mkdir(parents=True, exist_ok=True)
    with (layout.run / "lock").open("w", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BusyError from None
        yield

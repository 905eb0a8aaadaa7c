"""The memory of a process, now and at most, and what it has open."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def peak_of(pid: int | str) -> float:
    """The most that it ever had, in MiB, by the system's own account; `self` is this process.

    Not by `getrusage`, whose maximum a child takes over from the process that forked it.
    """
    return _told(pid, "VmHWM")


def resident(pid: int | str) -> float:
    """What it has now, in MiB."""
    return _told(pid, "VmRSS")


def open_files(pid: int | str) -> int:
    """How many descriptors it has."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def _told(pid: int | str, name: str) -> float:
    found = re.search(rf"{name}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) / 1024


def dead_children(pid: int) -> int:
    """How many of its children have ended, and were not looked after."""
    return sum(state == "Z" and int(parent) == pid for state, parent in _states())


def _states() -> Iterator[tuple[str, str]]:
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has just ended
            state, parent, *_ = path.read_text().rpartition(")")[2].split()
            yield state, parent

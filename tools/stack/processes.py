"""Detached processes that outlive the command which started them, and stopping exactly those."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_POLL: Final = 0.05
_TAIL_LINES: Final = 25
_STAT: Final = "/proc/{pid}/stat"
_STATE_FIELD, _START_FIELD = 0, 19
"""Positions in /proc/PID/stat behind the command's closing parenthesis (proc(5): fields 3 and 22)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A process that we started. Its pid alone is no identity: the system gives it to another one day."""

    name: str
    pid: int
    started: str
    """When it started, as the system tells it."""

    def is_alive(self) -> bool:
        """Whether this very process still runs."""
        return start_of(self.pid) == self.started

    def ask_to_stop(self) -> None:
        """SIGTERM, if it still is our process."""
        self._send(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL, if it still is our process."""
        self._send(signal.SIGKILL)

    def _send(self, number: signal.Signals) -> None:
        if self.is_alive():
            try:
                os.kill(self.pid, number)
            except ProcessLookupError:
                return


def start(name: str, command: Sequence[str], *, env: Mapping[str, str], cwd: Path, log: Path) -> Running:
    """Start a process of its own session, so that Ctrl-C in the terminal does not reach it."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    started = start_of(process.pid)
    _children[process.pid] = process
    return Running(name=name, pid=process.pid, started=started or "ended at once")


def stop(processes: Sequence[Running], *, patience: float) -> list[Running]:
    """SIGTERM to all, wait at most `patience` seconds, then SIGKILL. Answers those that had to be killed."""
    for process in processes:
        process.ask_to_stop()
    late = _await_end(processes, patience)
    for process in late:
        process.kill()
    _await_end(late, patience)
    return late


def start_of(pid: int) -> str | None:
    """When the process of this id started; None if there is none, or only its remains."""
    started = _start_by_proc(pid) if Path("/proc/self/stat").exists() else _start_by_ps(pid)
    if started is None and (child := _children.pop(pid, None)):
        # Our own child stays a zombie until somebody asks how it ended.
        child.wait()
    return started


def tail(log: Path) -> str:
    """The last lines of a log."""
    try:
        return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-_TAIL_LINES:])
    except OSError as error:
        return f"(no log: {error.strerror})"


_children: Final[dict[int, subprocess.Popen[bytes]]] = {}


def _await_end(processes: Sequence[Running], patience: float) -> list[Running]:
    end = time.monotonic() + patience
    while (alive := [process for process in processes if process.is_alive()]) and time.monotonic() < end:
        time.sleep(_POLL)
    return alive


def _start_by_proc(pid: int) -> str | None:
    try:
        stat = Path(_STAT.format(pid=pid)).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[_STATE_FIELD] in "ZX" else fields[_START_FIELD]


def _start_by_ps(pid: int) -> str | None:
    done = subprocess.run(
        ["ps", "-o", "state=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False, timeout=10
    )
    state, _, started = done.stdout.strip().partition(" ")
    return None if not state or state.startswith("Z") else started.strip()

"""Bringing the set up, whole or not at all, and down again."""

from __future__ import annotations

import signal
import sys
import time
from typing import TYPE_CHECKING, Final, NoReturn, Protocol

from tools.stack import processes, programs, record
from tools.stack.layout import ROOT
from tools.stack.programs import Backend, Program
from tools.stack.provision import provision
from tools.stack.record import Record

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

    from tools.stack.layout import Layout
    from tools.stack.processes import Running

START_PATIENCE: Final = 60.0
"""Seconds until everything must be ready. A cold machine loads the engine in a few."""

STOP_PATIENCE: Final = 25.0
"""Seconds between SIGTERM and SIGKILL: more than the services' own drain of 20."""

_PORT_PATIENCE: Final = 1.0

_POLL: Final = 0.05


class StartFailedError(Exception):
    """A process of the set did not come up; the others were stopped."""

    def __init__(self, name: str, problem: str, log: str) -> None:
        super().__init__(f"{name} {problem}. The end of its log:\n\n{log}")
        self.name = name


class OtherBackendError(Exception):
    """The set is up, with another backend than asked for."""

    def __init__(self, backend: str) -> None:
        super().__init__(f"The set is up with BACKEND={backend}. Run `make down` first.")


def exit_on_sigterm() -> None:
    """Make SIGTERM end this process as Ctrl-C does: through every `finally`, so that nothing is left half started."""

    def leave(number: int, _: FrameType | None) -> NoReturn:
        sys.exit(128 + number)

    signal.signal(signal.SIGTERM, leave)


class View(Protocol):
    """Who watches."""

    def starting(self, name: str) -> None:
        """A process was started."""

    def ready(self, name: str, seconds: float) -> None:
        """It serves."""


def bring_up(layout: Layout, backend: Backend, view: View) -> Record:
    """Start everything and wait until it serves. Answers the old record if it is up already.

    Raises:
        OtherBackendError: It is up with another backend.
        PortsTakenError: Something else has its ports.
        StartFailedError: A process did not come up.
        ProvisionError: The emulator has no bucket or table.
    """
    known = record.read(layout)
    if known and len(known.alive()) == len(known.processes):
        if known.backend != backend:
            raise OtherBackendError(known.backend)
        return known
    if known:
        # Half of a set is no set: what is left of it goes, and everything starts anew.
        bring_down(layout)
    return _Start(layout, backend, view).run()


def bring_down(layout: Layout) -> list[Running]:
    """Stop what runs, the last one started first. Answers what was stopped."""
    known = record.read(layout)
    if known is None:
        return []
    alive = known.alive()
    processes.stop(alive[::-1], patience=STOP_PATIENCE)
    record.remove(layout)
    return alive


class _Start:
    """One start under way."""

    def __init__(self, layout: Layout, backend: Backend, view: View) -> None:
        self._layout = layout
        self._backend = backend
        self._view = view
        self._record = Record(backend=backend.value)
        self._end = time.monotonic() + START_PATIENCE

    def run(self) -> Record:
        storage = programs.storage(self._layout, self._backend)
        services = [
            storage,
            programs.synth(self._layout),
            programs.sweeper(self._layout),
            programs.gateway(self._layout, self._backend),
        ]
        first = [programs.moto(self._layout)] if self._backend is Backend.AWS else []
        doors = tuple(door for program in (*first, *services) for door in program.doors)
        self._layout.ports.require_free(doors, patience=_PORT_PATIENCE)
        self._layout.data.mkdir(parents=True, exist_ok=True)
        try:
            if first:
                self._start(first)
                provision(storage)
            self._start(services)
        except BaseException:
            # Whatever happened (Ctrl-C, too): whole or not at all.
            bring_down(self._layout)
            raise
        return self._record

    def _start(self, stage: Sequence[Program]) -> None:
        begun = time.monotonic()
        waiting = [(program, self._launch(program)) for program in stage]
        while waiting:
            for program, process in waiting[:]:
                self._require_alive(process)
                if all(probe() for probe in program.ready):
                    self._view.ready(program.name, time.monotonic() - begun)
                    waiting.remove((program, process))
            self._require_time([process for _, process in waiting])
            time.sleep(_POLL if waiting else 0)

    def _launch(self, program: Program) -> Running:
        log = self._layout.log(program.name)
        log.unlink(missing_ok=True)
        process = processes.start(program.name, program.command, env=program.environment(), cwd=ROOT, log=log)
        self._record = Record(backend=self._record.backend, processes=(*self._record.processes, process))
        record.write(self._layout, self._record)
        self._view.starting(program.name)
        return process

    def _require_alive(self, process: Running) -> None:
        if not process.is_alive():
            raise StartFailedError(process.name, "ended at its start", self._tail(process))

    def _require_time(self, late: Sequence[Running]) -> None:
        if late and time.monotonic() > self._end:
            problem = f"was not ready within {START_PATIENCE:.0f} s"
            raise StartFailedError(late[0].name, problem, self._tail(late[0]))

    def _tail(self, process: Running) -> str:
        return processes.tail(self._layout.log(process.name))

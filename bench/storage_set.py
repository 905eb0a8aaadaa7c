"""storage as users run it, in a process of its own: embedded, or on the emulator, which has one of its own, too."""

from __future__ import annotations

import asyncio
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mayfly_client import AsyncClient
from tools.stack.layout import Layout, Ports
from tools.stack.processes import Running, start, stop
from tools.stack.programs import Backend, Program, moto, storage
from tools.stack.provision import provision

if TYPE_CHECKING:
    from collections.abc import Iterator

SOUND = b"RIFF" * 1_000
DRAIN = 25.0
"""Seconds that a service gets to end."""
_SAVERS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageSet:
    """What runs."""

    layout: Layout
    folder: Path
    service: Running

    @property
    def address(self) -> str:
        """Where StorageService is."""
        return self.layout.address("storage")

    @property
    def endpoint(self) -> str:
        """Where the emulator is."""
        return f"http://{self.layout.address('moto')}"


@contextmanager
def storage_set(backend: Backend, **settings: str) -> Iterator[StorageSet]:
    """Start storage with what it needs; `settings` are variables of its environment."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        layout = Layout(ports=Ports.free(), data=folder, run=folder)
        service = storage(layout, backend)
        service.settings.update(settings)
        if backend is Backend.AWS:
            stack.enter_context(running(moto(layout), layout))
            provision(service)
        yield StorageSet(layout=layout, folder=folder, service=stack.enter_context(running(service, layout)))


@contextmanager
def running(program: Program, layout: Layout) -> Iterator[Running]:
    """A program until it is not needed any more."""
    process = started(program, layout)
    try:
        yield process
    finally:
        stop([process], patience=DRAIN)


def started(program: Program, layout: Layout) -> Running:
    """Start a program, and wait until it is ready; one that ends instead is told with its log."""
    log = layout.log(program.name)
    process = start(program.name, program.command, env=program.environment(), cwd=Path.cwd(), log=log)
    try:
        _await_ready(program, process, log)
    except BaseException:
        stop([process], patience=DRAIN)
        raise
    return process


def _await_ready(program: Program, process: Running, log: Path) -> None:
    while not all(probe() for probe in program.ready):
        if not process.is_alive():
            raise RuntimeError(log.read_text())
        time.sleep(0.1)


async def save_many(address: str, count: int) -> list[str]:
    """Save so many small audios; their names."""
    left = iter(range(count))
    async with AsyncClient(storage=address, timeout=120) as client:

        async def saver() -> list[str]:
            return [
                (await client.upload_stream(SOUND, collection="temp-audio", content_type="audio/wav")).name
                for _ in left
            ]

        found = await asyncio.gather(*(saver() for _ in range(_SAVERS)))
    return [name for names in found for name in names]

"""Two replicas of synth, one of which is killed while both speak: callers whose client tries again see none of it."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from mayfly_client import AsyncClient
from tests.conftest import Stack, running
from tests.waiting import PATIENCE
from tools.stack import processes
from tools.stack.layout import Ports
from tools.stack.programs import Backend, synth

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tools.stack.processes import Running

CALLS = 80
CALLERS = 16


@pytest.fixture
def own_stack(tmp_path: Path) -> Iterator[Stack]:
    """A set that a test may break."""
    with running(tmp_path, Backend.EMBEDDED) as stack:
        yield stack


@contextmanager
def another_synth(stack: Stack) -> Iterator[tuple[str, Running]]:
    """One more replica at the same storage: where it listens, and its process."""
    layout = replace(stack.layout, ports=replace(stack.layout.ports, synth=Ports.free().synth))
    program = synth(layout)
    process = processes.start(
        "synth-2", program.command, env=program.environment(), cwd=layout.data, log=layout.run / "synth-2.log"
    )
    try:
        yield layout.address("synth"), process
    finally:
        processes.stop([process], patience=25)


async def ready(address: str) -> None:
    async with asyncio.timeout(PATIENCE), AsyncClient(synth=address) as client:
        while True:
            try:
                await client.voices(timeout=1)
            except Exception:  # noqa: BLE001 - not there yet, whatever it says
                await asyncio.sleep(0.1)
            else:
                return


async def test_a_replica_that_is_killed_while_it_speaks_costs_its_callers_nothing(own_stack: Stack) -> None:
    with another_synth(own_stack) as (address, victim):
        await ready(address)
        texts = iter([f"This is text number {number} of a caller who comes again." for number in range(CALLS)])
        half_way = asyncio.Event()
        names: list[str] = []

        async def caller(client: AsyncClient) -> None:
            for text in texts:
                # Repeatable, so that another replica makes the same bytes of the same request.
                speech = await client.speak(text, noise_scale=0, noise_w_scale=0)
                assert speech.stored is not None
                names.append(speech.stored.name)
                if len(names) == CALLS // 3:
                    half_way.set()

        both = f"ipv4:{own_stack.address('synth')},{address}"
        async with AsyncClient(storage=own_stack.address("storage"), synth=both, timeout=PATIENCE) as client:
            calls = asyncio.gather(*(caller(client) for _ in range(CALLERS)))
            await half_way.wait()
            os.kill(victim.pid, signal.SIGKILL)
            await calls

            # Nothing twice, nothing half: what is listed is what was answered, and each can be read.
            listed = [audio.name async for audio in client.list()]
            assert sorted(listed) == sorted(names)
            assert len(set(names)) == CALLS
            assert all([await client.download(name) for name in names[:: CALLS // 10]])

    assert "Traceback" not in (own_stack.layout.run / "synth.log").read_text()

"""How much speech a synth process makes in a second, beside the same voice in a bare PiperVoice loop.

The limit is a loop with its best thread setting: one thread, or all cores. Shown besides, a loop for each core, which
fills the machine and has no callers. synth speaks for many callers through StreamSynthesize, without storing, so that
both sides do the same work. All run in turn; the callers share the cores with synth.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from bench.report import Row
from bench.texts import PARAGRAPHS
from mayfly_client import AsyncClient, SpeechTrailer
from tools.stack.layout import Layout, Ports
from tools.stack.processes import start, stop
from tools.stack.programs import synth

if TYPE_CHECKING:
    from collections.abc import Iterator

ROUNDS = 5
REPEATS = 8
CALLERS = 8


@contextmanager
def running_synth() -> Iterator[str]:
    """A synth process of its own; its address."""
    with tempfile.TemporaryDirectory() as folder:
        layout = Layout(ports=Ports.free(), data=Path(folder), run=Path(folder))
        program = synth(layout)
        process = start("synth", program.command, env=program.environment(), cwd=Path.cwd(), log=layout.log("synth"))
        try:
            while not all(probe() for probe in program.ready):
                if not process.is_alive():
                    raise RuntimeError(layout.log("synth").read_text())
                time.sleep(0.1)
            yield layout.address("synth")
        finally:
            stop([process], patience=25)


def loop_speed(workers: int, threads: int) -> float:
    """Seconds of audio in a second, by the bare loop in a process of its own."""
    command = [sys.executable, "-m", "bench.piper_loop", str(workers), str(threads), str(REPEATS)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


async def rpc_speed(address: str) -> float:
    """Seconds of audio in a second, by synth for many callers at once."""
    texts = iter(PARAGRAPHS * REPEATS)
    async with AsyncClient(synth=address) as client:

        async def caller() -> float:
            return sum([await speak(client, text) for text in texts])

        begun = time.perf_counter()
        audio = sum(await asyncio.gather(*(caller() for _ in range(CALLERS))))
        return audio / (time.perf_counter() - begun)


async def speak(client: AsyncClient, text: str) -> float:
    """One stream to its end; seconds of audio, without the silence that Piper's loop does not add."""
    *_, last = [item async for item in client.stream_speech(text, discard=True, sentence_silence=0)]
    assert isinstance(last, SpeechTrailer)
    return last.duration.total_seconds()


def run() -> list[Row]:
    """Measure in turn; the first round warms up and does not count."""
    cores = os.cpu_count() or 1
    loops: dict[tuple[int, int], list[float]] = {(1, 1): [], (1, cores): [], (cores, 1): []}
    rpcs: list[float] = []
    with running_synth() as address:
        for _ in range(ROUNDS + 1):
            rpcs.append(asyncio.run(rpc_speed(address)))
            for setting, speeds in loops.items():
                speeds.append(loop_speed(*setting))
    medians = {setting: median(speeds[1:]) for setting, speeds in loops.items()}
    best = max((1, 1), (1, cores), key=lambda setting: medians[setting])
    measured = median(rpcs[1:])
    return [
        row(measured, medians[best], f"a bare PiperVoice loop on {best[1]} thread{'s' * (best[1] > 1)}", goal=0.95),
        row(measured, medians[cores, 1], f"{cores} bare loops side by side", goal=None),
    ]


def row(measured: float, limit: float, limit_name: str, *, goal: float | None) -> Row:
    """One comparison."""
    return Row(
        name=f"speech through the RPC, {CALLERS} callers",
        unit="s of audio / s",
        measured=measured,
        limit=limit,
        limit_name=limit_name,
        goal=goal,
        higher_is_better=True,
    )

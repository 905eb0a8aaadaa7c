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
from statistics import median
from typing import TYPE_CHECKING

from bench.report import Row
from bench.speech_load import Voice, closed, voices
from bench.speech_servers import synth_server
from bench.texts import PARAGRAPHS

if TYPE_CHECKING:
    from pathlib import Path

ROUNDS = 5
CALLERS = 8


def loop_speed(workers: int, threads: int, repeats: int, model: Path) -> float:
    """Seconds of audio in a second, by the bare loop in a process of its own."""
    command = [sys.executable, "-m", "bench.piper_loop", *map(str, (workers, threads, repeats, model))]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def run() -> list[Row]:
    """The shipped voice, and one of the medium size."""
    return [row for voice in voices() for row in rows_of(voice)]


def rows_of(voice: Voice) -> list[Row]:
    """Measure in turn; the first round warms up and does not count."""
    cores = os.cpu_count() or 1
    loops: dict[tuple[int, int], list[float]] = {(1, 1): [], (1, cores): [], (cores, 1): []}
    rpcs: list[float] = []
    with synth_server(voice.model) as server:
        for _ in range(ROUNDS + 1):
            load = asyncio.run(closed(server.say, PARAGRAPHS * voice.repeats, callers=CALLERS, rate=voice.sample_rate))
            rpcs.append(load.audio_per_second)
            for setting, speeds in loops.items():
                speeds.append(loop_speed(*setting, voice.repeats, voice.model))
    medians = {setting: median(speeds[1:]) for setting, speeds in loops.items()}
    best = max((1, 1), (1, cores), key=lambda setting: medians[setting])
    measured = median(rpcs[1:])
    threads = f"a bare PiperVoice loop on {best[1]} thread{'s' * (best[1] > 1)}"
    return [
        row(voice, measured, medians[best], threads, goal=0.95),
        row(voice, measured, medians[cores, 1], f"{cores} bare loops side by side", goal=None),
    ]


def row(voice: Voice, measured: float, limit: float, limit_name: str, *, goal: float | None) -> Row:
    """One comparison."""
    return Row(
        name=f"speech through the RPC, {CALLERS} callers, {voice.size} voice",
        unit="s of audio / s",
        measured=measured,
        limit=limit,
        limit_name=limit_name,
        goal=goal,
        higher_is_better=True,
    )

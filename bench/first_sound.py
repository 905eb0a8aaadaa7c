"""How long one caller waits for the first sound, beside the inference of the first sentence alone.

For texts of 1 to 20 sentences; the first sentence is always the same. The limit is PiperVoice in this process, with its
best thread setting, for that sentence; both are asked in turn, and figures are medians.
"""

from __future__ import annotations

import asyncio
import os
import time
from statistics import median
from typing import TYPE_CHECKING

from bench.piper_loop import load, speak
from bench.report import Row
from bench.speech_load import Voice, voices
from bench.speech_servers import synth_server
from bench.texts import PARAGRAPHS

if TYPE_CHECKING:
    from piper import PiperVoice

    from bench.speech_callers import Caller

SENTENCES = (1, 2, 5, 10, 20)
ROUNDS = 25
QUIET = 0.1
"""Seconds before each: threads of a bare run look for more work for a while, and take a core from whoever is next."""
FIRST = "Please keep this ticket until the end of your journey."
_REST = [f"{sentence.strip()}." for text in PARAGRAPHS for sentence in text.split(".") if sentence.strip()]


def text_of(sentences: int) -> str:
    """So many sentences."""
    return " ".join([FIRST, *_REST[: sentences - 1]])


def seconds_alone(piper: PiperVoice) -> float:
    """What the first sentence takes."""
    begun = time.perf_counter()
    speak(piper, FIRST)
    return time.perf_counter() - begun


async def measure(say: Caller, voice: Voice) -> tuple[dict[int, list[float]], dict[int, list[float]]]:
    """Until the first sound by sentences, and until the end of the bare inference by threads."""
    bare = {threads: load(threads, voice.model) for threads in {1, os.cpu_count() or 1}}
    first: dict[int, list[float]] = {sentences: [] for sentences in SENTENCES}
    alone: dict[int, list[float]] = {threads: [] for threads in bare}
    for _ in range(ROUNDS + 1):
        for sentences in SENTENCES:
            await asyncio.sleep(QUIET)
            first[sentences].append((await say(text_of(sentences), voice.sample_rate)).first)
        for threads, piper in bare.items():
            await asyncio.sleep(QUIET)
            alone[threads].append(seconds_alone(piper))
    return first, alone


def run() -> list[Row]:
    """Each voice."""
    return [row for voice in voices() for row in rows_of(voice)]


def rows_of(voice: Voice) -> list[Row]:
    """One voice; the first round warms up and does not count."""
    with synth_server(voice.model) as server:
        first, alone = asyncio.run(measure(server.say, voice))
    medians = {threads: median(taken[1:]) for threads, taken in alone.items()}
    best = min(medians, key=lambda threads: medians[threads])
    return [
        Row(
            name=f"first sound of {sentences} sentence{'s' * (sentences > 1)}, {voice.size} voice",
            unit="ms",
            measured=median(taken[1:]) * 1e3,
            limit=medians[best] * 1e3,
            limit_name=f"the first sentence alone, on {best} thread{'s' * (best > 1)}",
            goal=1.15,
            higher_is_better=False,
        )
        for sentences, taken in first.items()
    ]

"""Ten times as many callers as synth can speak for: how much it still speaks, and how soon the others are told.

The medium voice, so that the callers' own work, which shares the cores, is small beside the speech. First the capacity:
eight callers, each with the next text as soon as the last one is heard. Then callers who come by the clock, ten times
as many as that in a second, whether they are answered or not. The queue is short: it holds what can be spoken in about
two seconds, as nobody waits longer for a first sound; the setting is one that operators have.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from statistics import quantiles
from typing import TYPE_CHECKING

from bench.report import Row
from bench.speech_load import closed, voices
from bench.speech_servers import synth_server
from bench.texts import PARAGRAPHS
from mayfly_client.errors import ServerBusyError

if TYPE_CHECKING:
    from bench.speech_callers import Caller, Heard
    from bench.speech_load import Voice

TIMES = 10
CALLERS = 8
SECONDS = 20.0
QUEUE = "1200"
REFUSAL_MS = 50.0


@dataclass(slots=True)
class Storm:
    """What came of it."""

    spoken: list[Heard] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    """How long each waited for its refusal. Unit: seconds."""
    took: float = 0.0


async def storm(say: Caller, rate: int, *, per_second: float) -> Storm:
    """Callers by the clock."""
    found = Storm()

    async def caller(number: int) -> None:
        begun = time.perf_counter()
        try:
            found.spoken.append(await say(PARAGRAPHS[number % len(PARAGRAPHS)], rate))
        except ServerBusyError:
            found.refused.append(time.perf_counter() - begun)

    begun = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for number in range(round(SECONDS * per_second)):
            await asyncio.sleep(max(0.0, begun + number / per_second - time.perf_counter()))
            group.create_task(caller(number))
    found.took = time.perf_counter() - begun
    return found


async def measure(say: Caller, voice: Voice) -> tuple[float, float, Storm]:
    """The capacity before and after, in texts a second, and what came of the storm between."""
    capacities: list[float] = []
    for _ in range(2):
        load = await closed(say, PARAGRAPHS * 4, callers=CALLERS, rate=voice.sample_rate)
        capacities.append(len(load.heard) / load.took)
        if len(capacities) == 1:
            found = await storm(say, voice.sample_rate, per_second=TIMES * capacities[0])
    return capacities[0], capacities[1], found


def run() -> list[Row]:
    """Goodput and refusals."""
    voice = voices()[-1]
    with synth_server(voice.model, MAX_QUEUED_CHARACTERS=QUEUE, MAX_CHARACTERS="1000") as server:
        before, after, found = asyncio.run(measure(server.say, voice))
    return [
        row(
            "texts spoken",
            "1/s",
            measured=len(found.spoken) / found.took,
            limit=(before + after) / 2,
            limit_name="the capacity",
            goal=0.9,
        ),
        row("refusal, p99", "ms", measured=_p99(found.refused) * 1e3, limit=REFUSAL_MS, limit_name="allowed", goal=1.0),
    ]


def _p99(values: list[float]) -> float:
    return quantiles(values, n=100)[-1]


def row(name: str, unit: str, *, measured: float, limit: float, limit_name: str, goal: float) -> Row:
    """One figure."""
    return Row(
        name=f"{name}, {TIMES} times too many callers",
        unit=unit,
        measured=measured,
        limit=limit,
        limit_name=limit_name,
        goal=goal,
        higher_is_better=unit != "ms",
    )

"""Callers who have texts spoken, and what they hear; and the voices that speak."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from bench.medium_voice import medium_voice
from bench.piper_loop import SHIPPED

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bench.speech_callers import Caller, Heard


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """One that is measured with."""

    size: str
    model: Path
    sample_rate: int
    """Unit: hertz."""
    repeats: int
    """How often the texts are spoken in one round, so that it takes a second or two."""


@dataclass(frozen=True, slots=True)
class Load:
    """What some callers heard."""

    heard: tuple[Heard, ...]
    took: float
    """Of all together. Unit: seconds."""

    @property
    def audio_per_second(self) -> float:
        """Seconds of audio in a second."""
        return sum(each.audio for each in self.heard) / self.took

    @property
    def first(self) -> float:
        """Until the first sound, in the median."""
        return median(each.first for each in self.heard)


def voices() -> list[Voice]:
    """The voice that ships with Mayfly, and one of the medium size."""
    return [
        Voice(size="small", model=SHIPPED, sample_rate=16_000, repeats=8),
        Voice(size="medium", model=medium_voice(), sample_rate=22_050, repeats=1),
    ]


async def closed(say: Caller, texts: Sequence[str], *, callers: int, rate: int) -> Load:
    """Texts spoken for so many callers, each of whom asks for the next one when the last one was heard to its end."""
    waiting = iter(texts)

    async def caller() -> list[Heard]:
        return [await say(text, rate) for text in waiting]

    begun = time.perf_counter()
    heard = await asyncio.gather(*(caller() for _ in range(callers)))
    return Load(tuple(each for one in heard for each in one), time.perf_counter() - begun)

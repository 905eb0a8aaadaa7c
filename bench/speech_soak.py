"""Whether synth leaks: 2,000 texts of all lengths, spoken for eight callers, and what its memory did meanwhile.

The shipped voice, as users run it: with the memory of sound, which fills up to its bound in the first quarter. Some of
the longest sentences come before that, as onnxruntime keeps what the largest inference needed. What is compared is the
end of the run with its second quarter: until then caches and the allocator grow to their size.
"""

from __future__ import annotations

import asyncio
import random
from statistics import fmean
from typing import TYPE_CHECKING

from bench.memory import open_files, resident
from bench.report import Row
from bench.speech_load import closed, voices
from bench.speech_servers import synth_server
from bench.texts import PARAGRAPHS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.speech_servers import Server

REQUESTS = 2_000
WARM_UP = 100
SAMPLES = 40
CALLERS = 8
_REMEMBERED = str(8 * 1024 * 1024)


def texts() -> list[str]:
    """Each is another one, of one word up to the longest sentence that is spoken in one go; those come first."""
    chance = random.Random(11)  # noqa: S311 - not for secrets
    words = " ".join(PARAGRAPHS).replace(".", "").split()
    return [
        " ".join(chance.choice(words) for _ in range(60 if number % 100 == 0 else chance.randrange(1, 20))) + "."
        for number in (*([0] * WARM_UP), *range(REQUESTS))
    ]


async def live(server: Server, rate: int) -> list[tuple[int, float, int]]:
    """Texts spoken, MiB of memory and open files, from time to time."""
    said, step = texts(), REQUESTS // SAMPLES
    await closed(server.say, said[:WARM_UP], callers=CALLERS, rate=rate)
    samples: list[tuple[int, float, int]] = []
    for end in range(step, REQUESTS + 1, step):
        await closed(server.say, said[WARM_UP:][end - step : end], callers=CALLERS, rate=rate)
        samples.append((end, resident(server.pid), open_files(server.pid)))
    return samples


def measure() -> list[tuple[int, float, int]]:
    """The whole run."""
    voice = voices()[0]
    with synth_server(voice.model, RENDERED_CACHE_BYTES=_REMEMBERED) as server:
        return asyncio.run(live(server, voice.sample_rate))


def run() -> list[Row]:
    """The end beside the second quarter."""
    samples = measure()
    quarter = len(samples) // 4
    second, last = samples[quarter : 2 * quarter], samples[-quarter:]
    return [
        row("memory", "MiB", [mib for _, mib, _ in last], [mib for _, mib, _ in second], goal=1.02),
        row("open files", "files", [files for *_, files in last], [files for *_, files in second], goal=1.05),
    ]


def row(name: str, unit: str, after: Sequence[float], before: Sequence[float], *, goal: float) -> Row:
    """A figure that should stay where it is."""
    return Row(
        name=f"{name} of synth after {REQUESTS:,} requests",
        unit=unit,
        measured=fmean(after),
        limit=fmean(before),
        limit_name="in the second quarter",
        goal=goal,
        higher_is_better=False,
    )

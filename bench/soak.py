"""Whether storage leaks: thousands of saves, links, reads and deletes, and what its memory and its files did meanwhile.

Embedded storage as users run it; some callers at once, each with the whole life of one audio after the other. What is
compared is the end of the run with its second quarter: until then pools, caches and the allocator grow to their size.
"""

from __future__ import annotations

import asyncio
from statistics import fmean, linear_regression
from typing import TYPE_CHECKING

from bench.memory import open_files, resident
from bench.report import Row
from bench.storage_set import SOUND, storage_set
from mayfly_client import AsyncClient
from tools.stack.programs import Backend

if TYPE_CHECKING:
    from collections.abc import Iterator

LIVES = 6_000
SAMPLES = 40
CALLERS = 8
ALLOWED = 0.25
"""MiB for each 1,000 lives: what the memory of SQLite's own pages and of the allocator does in so short a time."""


async def one_life(client: AsyncClient) -> None:
    """Save through a grant, link, look at it, delete."""
    audio = await client.save(SOUND, collection="temp-audio", content_type="audio/wav")
    await client.url(audio.name)
    await client.get(audio.name)
    assert await client.delete(audio.name)


async def live(address: str, pid: int) -> list[tuple[int, float, int]]:
    """Lives lived, MiB of memory and open files, from time to time."""
    samples: list[tuple[int, float, int]] = []
    async with AsyncClient(storage=address, timeout=60) as client:

        async def caller(numbers: Iterator[int]) -> None:
            for _ in numbers:
                await one_life(client)

        for number in range(1, SAMPLES + 1):
            some = iter(range(LIVES // SAMPLES))
            await asyncio.gather(*(caller(some) for _ in range(CALLERS)))
            samples.append((number * (LIVES // SAMPLES), resident(pid), open_files(pid)))
    return samples


def run() -> list[Row]:
    """Live, and compare."""
    with storage_set(Backend.EMBEDDED) as started:
        samples = asyncio.run(live(started.address, started.service.pid))
    return rows_of(samples)


def rows_of(samples: list[tuple[int, float, int]]) -> list[Row]:
    """The end beside the second quarter, and the slope of the second half."""
    quarter = len(samples) // 4
    second, last, half = samples[quarter : 2 * quarter], samples[-quarter:], samples[len(samples) // 2 :]
    slope = linear_regression([lives for lives, _, _ in half], [mib for _, mib, _ in half]).slope
    return [
        row(
            f"memory after {LIVES:,} lives",
            "MiB",
            fmean(mib for _, mib, _ in last),
            limit=fmean(mib for _, mib, _ in second),
            goal=1.02,
        ),
        row(
            f"open files after {LIVES:,} lives",
            "files",
            fmean(files for *_, files in last),
            limit=fmean(files for *_, files in second),
            goal=1.05,
        ),
        row(
            "growth in the second half", "MiB/1,000 lives", slope * 1_000, limit=ALLOWED, goal=1.0, limit_name="allowed"
        ),
    ]


def row(
    name: str, unit: str, measured: float, *, limit: float, goal: float, limit_name: str = "in the second quarter"
) -> Row:
    """A figure that should stay where it is."""
    return Row(
        name=name,
        unit=unit,
        measured=measured,
        limit=limit,
        limit_name=limit_name,
        goal=goal,
        higher_is_better=False,
    )

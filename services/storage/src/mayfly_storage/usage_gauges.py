"""Metrics of what is stored and what it costs: the last count, which is made rarely, and told as often as one asks."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from opentelemetry.metrics import Observation

from mayfly_storage.domain.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable

    from opentelemetry.metrics import CallbackOptions, Meter

    from mayfly_storage.usecases.usage import GetUsage, Usage

logger = logging.getLogger("mayfly.storage.usage")

_FIRST: Final = timedelta(minutes=1)
"""After the start: a process that starts again and again does not count again and again."""
_MICRO: Final = 1e-6


def offer_gauges(meter: Meter, usage: GetUsage) -> None:
    """Let an exporter read the last count, by collection. Before the first one there is nothing to read."""
    offered: tuple[tuple[str, str, str, Callable[[Usage], float]], ...] = (
        ("mayfly.storage.objects", "{object}", "Stored objects", lambda each: each.stored.objects),
        ("mayfly.storage.size", "By", "Size of what is stored", lambda each: each.stored.size_bytes),
        (
            "mayfly.storage.monthly_cost",
            "{USD}",
            "Estimated cost of a month",
            lambda each: each.monthly_cost_micros * _MICRO,
        ),
    )
    for name, unit, description, value in offered:
        meter.create_observable_gauge(name, callbacks=[_reader(usage, value)], unit=unit, description=description)


def _reader(usage: GetUsage, value: Callable[[Usage], float]) -> Callable[[CallbackOptions], Iterable[Observation]]:
    def read(_: CallbackOptions) -> Iterable[Observation]:
        report = usage.latest
        for each in report.usage if report is not None else ():
            yield Observation(value(each), {"collection": each.collection})

    return read


class UsageWatch:
    """Counts again and again, for the gauges. Whoever calls GetUsage shares the counts."""

    def __init__(self, usage: GetUsage, pause: Callable[[], Awaitable[None]]) -> None:
        """Take what counts, and what waits until the next time."""
        self._usage = usage
        self._pause = pause

    async def run(self) -> None:
        """Go on until cancelled. What fails is tried again after the next pause."""
        while True:
            await self._pause()
            try:
                report = await self._usage()
            except StorageError as error:
                logger.warning("usage.not_counted", extra={"cause": type(error).__name__})
            except Exception:  # a watch that dies would leave the last count for ever
                logger.exception("usage.not_counted")
            else:
                objects = sum(each.stored.objects for each in report.usage)
                logger.info("usage.counted", extra={"objects": objects, "cost_micros": report.monthly_cost_micros})


@asynccontextmanager
async def counting(usage: GetUsage, *, every: timedelta) -> AsyncIterator[None]:
    """Count from time to time for the length of the block; nothing with a period of 0."""
    if not every:
        yield
        return
    pauses = iter((min(_FIRST, every),))
    watch = UsageWatch(usage, lambda: asyncio.sleep(next(pauses, every).total_seconds()))
    task = asyncio.create_task(watch.run(), name="usage-watch")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

"""Copies to the mirror: a bounded queue behind the RPCs. What does not fit is left to `mayfly-storage mirror`."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from opentelemetry.metrics import Observation

from mayfly_runtime.refusals import ServerBusyError
from mayfly_storage.domain.errors import BackendUnavailableError, StorageError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from opentelemetry.metrics import Meter

    from mayfly_storage.domain.audio import Audio
    from mayfly_storage.usecases.mirroring import Mirror

logger = logging.getLogger("mayfly.storage.mirror")

_WORKERS: Final = 2
_WAITING: Final = 1_000
"""Rows without bytes: a few megabytes at most."""
_PAUSE: Final = 5
"""Seconds between two tries of a copy while a store does not answer."""


class MirrorQueue:
    """Takes what was stored, and copies it soon."""

    def __init__(self, mirror: Mirror, *, pause: Callable[[], Awaitable[None]] = lambda: asyncio.sleep(_PAUSE)) -> None:
        """Take what makes the copies, and what waits while a store does not answer."""
        self._mirror = mirror
        self._pause = pause
        self._waiting: asyncio.Queue[Audio] = asyncio.Queue(_WAITING)
        self.outcomes: Counter[str] = Counter()
        """`copied`, `same`, `gone`, `failed` (tries that failed) and `left` (to the command: the queue was full)."""

    def offer(self, audio: Audio) -> None:
        """Copy an audio that has just become READY; never waits, and never fails."""
        if not self._mirror.wants(audio):
            return
        try:
            self._waiting.put_nowait(audio)
        except asyncio.QueueFull:
            self.outcomes["left"] += 1
            logger.warning("mirror.left", extra={"audio": str(audio.name)})

    async def work(self) -> None:
        """Go on until cancelled."""
        while True:
            audio = await self._waiting.get()
            try:
                await self._copy(audio)
            except StorageError as error:
                self._failed(audio, error)
            except Exception:  # a worker that dies would leave the queue to fill up
                self.outcomes["failed"] += 1
                logger.exception("mirror.failed")
            finally:
                self._waiting.task_done()

    async def _copy(self, audio: Audio) -> None:
        """Try until it is copied, or not wanted any more: those behind it would meet the same outage."""
        while self._mirror.wants(audio):
            try:
                self.outcomes[await self._mirror.copy(audio)] += 1
            except (BackendUnavailableError, ServerBusyError) as error:
                self._failed(audio, error)
                await self._pause()
            else:
                return

    def _failed(self, audio: Audio, error: Exception) -> None:
        self.outcomes["failed"] += 1
        logger.warning("mirror.failed", extra={"audio": str(audio.name), "cause": type(error).__name__})

    async def drained(self) -> None:
        """Wait until everything that was offered is done."""
        await self._waiting.join()

    def offer_metrics(self, meter: Meter) -> None:
        """Let an exporter read how it goes."""
        meter.create_observable_counter(
            "mayfly.storage.mirror.copies",
            callbacks=[lambda _: [Observation(n, {"outcome": each}) for each, n in self.outcomes.items()]],
            unit="{audio}",
            description="Copies to the mirror, by outcome",
        )
        meter.create_observable_gauge(
            "mayfly.storage.mirror.waiting",
            callbacks=[lambda _: [Observation(self._waiting.qsize())]],
            unit="{audio}",
            description="Audio that waits for its copy",
        )


@asynccontextmanager
async def mirroring(queue: MirrorQueue) -> AsyncIterator[None]:
    """Copy for the length of the block. What still waits at its end is left to `mayfly-storage mirror`."""
    workers = [asyncio.create_task(queue.work(), name=f"mirror-{number}") for number in range(_WORKERS)]
    try:
        yield
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)

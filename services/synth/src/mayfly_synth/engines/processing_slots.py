"""How many audios are processed at a time, and how many more may wait."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from mayfly_synth.domain.processing_errors import ProcessingBusyError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import timedelta


class ProcessingSlots:
    """Each running audio has a program of its own, and up to its result's size of memory."""

    def __init__(self, *, running: int, waiting: int, retry_after: timedelta) -> None:
        """Take the bounds.

        Args:
            running: At a time.
            waiting: More, at a time; those after them are refused at once.
            retry_after: What they are told.
        """
        self._places = asyncio.Semaphore(running)
        self._limit = running + waiting
        self._running = running
        self._retry_after = retry_after
        self.admitted = 0
        """How many run or wait."""

    @asynccontextmanager
    async def admit(self) -> AsyncIterator[None]:
        """Wait for a place; see `Slots`."""
        if self.admitted >= self._limit:
            raise ProcessingBusyError(limit=self._running, retry_after=self._retry_after)
        self.admitted += 1
        try:
            async with self._places:
                yield
        finally:
            self.admitted -= 1

"""What happens when: a clock that jumps from one appointment to the next."""

from __future__ import annotations

import heapq
from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from mayfly_runtime.testing import FakeClock


class Agenda:
    """Appointments in order of time, and of arrival where times are equal."""

    def __init__(self, clock: FakeClock) -> None:
        """Take the clock that it sets."""
        self._clock = clock
        self._waiting: list[tuple[datetime, int, Callable[[], Awaitable[None]]]] = []
        self._numbers = count()

    def at(self, time: datetime, act: Callable[[], Awaitable[None]]) -> None:
        """Make an appointment; one in the past is kept at once."""
        heapq.heappush(self._waiting, (time, next(self._numbers), act))

    async def keep_until(self, end: datetime) -> None:
        """Let time pass, and everything happen that is due by then."""
        while self._waiting and self._waiting[0][0] <= end:
            time, _, act = heapq.heappop(self._waiting)
            if time > self._clock.now():
                self._clock.advance(time - self._clock.now())
            await act()
        if end > self._clock.now():
            self._clock.advance(end - self._clock.now())

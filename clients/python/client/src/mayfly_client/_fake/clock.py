"""A clock that stands still until it is told to move."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta


class FakeClock:
    """The time as all servers of one FakeMayfly see it. Safe to use from any thread."""

    def __init__(self, start: datetime | None = None) -> None:
        self._now = start or datetime.now(UTC).replace(microsecond=0)
        self._lock = threading.Lock()

    def now(self) -> datetime:
        """The moment, aware, in UTC."""
        with self._lock:
            return self._now

    def advance(self, by: timedelta | float) -> None:
        """Let time pass: a timedelta, or seconds."""
        with self._lock:
            self._now += by if isinstance(by, timedelta) else timedelta(seconds=by)

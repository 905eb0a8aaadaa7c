"""This machine's clock beside the store's: by a wrong one, links are dead when they are born, or live too long."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from mayfly_storage.domain.errors import ClockWrongError

if TYPE_CHECKING:
    from datetime import datetime

_SECOND: Final = timedelta(seconds=1)
"""Stores tell whole seconds."""


@dataclass(slots=True, kw_only=True)
class StoreClock:
    """How far the two were apart when somebody last looked."""

    allowed: timedelta
    off: timedelta = field(default=timedelta(0), init=False)
    """At least so much; negative if ours is behind."""

    def compare(self, *, before: datetime, store: datetime, after: datetime) -> None:
        """Take the store's time, and ours before and after it was asked: what lies between them cannot be told."""
        if before > store + _SECOND:
            self.off = before - (store + _SECOND)
        elif store > after:
            self.off = after - store
        else:
            self.off = timedelta(0)

    def require_right(self) -> None:
        """Raise ClockWrongError if they were too far apart."""
        if abs(self.off) > self.allowed:
            raise ClockWrongError(self.off, self.allowed)

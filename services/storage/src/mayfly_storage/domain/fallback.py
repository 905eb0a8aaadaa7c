"""The fallback: another store for new audio while the primary one fails in a way that passes by itself.

A breaker, fed by every call to the primary store. It opens after some failures in a row, and closes at the first
answer; what tries again while nobody else calls is the regular check of readiness. A refusal (rights, names,
credentials) is an answer: it is never hidden by the fallback, because it does not pass by itself.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, timedelta

    from mayfly_storage.domain.audio import Location
    from mayfly_storage.domain.errors import BackendUnavailableError

logger = logging.getLogger("mayfly.storage.fallback")

FORCED = "SwitchedOff"
"""The cause where the settings say so."""
NO_ANSWER = "NoAnswerInTime"
"""The cause where somebody gave up waiting; whoever did has to tell the fallback."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """Why new audio goes elsewhere, and since when."""

    cause: str
    begin_time: datetime


@dataclass(slots=True, kw_only=True)
class Fallback:
    """Where new audio goes instead, and when. Not thread-safe: it lives on the event loop."""

    location: Location
    now: Callable[[], datetime]
    threshold: int
    """Failures in a row after which the primary store is left alone."""
    patience: timedelta
    """How long one upload waits for the primary store before it goes to the fallback."""
    forced: bool = False
    """New audio always goes to the fallback: how uploads to the primary store are switched off."""
    outage: Outage | None = field(default=None, init=False)
    stored: int = field(default=0, init=False)
    """Audio that went to the fallback since the start."""
    _failures: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        if self.forced:
            self.outage = Outage(cause=FORCED, begin_time=self.now())

    @property
    def is_active(self) -> bool:
        """Whether new audio goes to the fallback at once."""
        return self.outage is not None

    def failed(self, error: BackendUnavailableError) -> None:
        """The primary store did not answer."""
        self._failures += 1
        if self._failures < self.threshold or self.is_active:
            return
        self.outage = Outage(cause=error.cause or error.backend, begin_time=self.now())
        logger.warning("fallback.began", extra={"cause": self.outage.cause, "failures": self._failures})

    def answered(self) -> None:
        """The primary store answered, be it with a refusal."""
        self._failures = 0
        if self.outage is None or self.forced:
            return
        lasted = (self.now() - self.outage.begin_time).total_seconds()
        logger.warning("fallback.ended", extra={"cause": self.outage.cause, "lasted_s": round(lasted, 1)})
        self.outage = None

    def took(self, cause: str) -> None:
        """An audio went to the fallback."""
        self.stored += 1
        logger.info("fallback.stored", extra={"cause": cause, "stored": self.stored})

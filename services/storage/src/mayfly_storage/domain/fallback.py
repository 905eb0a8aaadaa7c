"""The fallback: another store for new audio while the primary one fails in a way that passes by itself.

A breaker, fed by every call to the primary store. It opens after some failures in a row. From then on the primary store
is left alone, so that nobody waits for it and its calls fill no pool. The regular check of readiness alone goes on
asking, and the first answer closes the breaker. A refusal (rights, names, credentials) is an answer: the fallback never
hides it, because it does not pass by itself.
"""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from mayfly_storage.domain.audio import Location
    from mayfly_storage.domain.errors import BackendUnavailableError

logger = logging.getLogger("mayfly.storage.fallback")

FORCED: Final = "SwitchedOff"
"""The cause where the settings say so."""
NO_ANSWER: Final = "NoAnswerInTime"
"""The cause where somebody gave up waiting; whoever did has to tell the fallback."""
BUSY: Final = "TooManyWait"
"""The cause where as many calls as there may be wait for the primary store."""
_SLOWEST: Final = 1024**2
"""Bytes per second of a connection that is slow, and works."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """Why new audio goes elsewhere, and since when."""

    cause: str
    begin_time: datetime


class Breaker(Protocol):
    """Hears how calls to a store end, and says when it is to be left alone."""

    @property
    def patience(self) -> timedelta:
        """How long a small call may take."""

    @property
    def leaves_alone(self) -> Outage | None:
        """Why nobody may call the store now; None: all may."""

    def patience_with(self, size_bytes: int) -> timedelta:
        """How long a PUT may take."""

    def failed(self, error: BackendUnavailableError) -> None:
        """The store did not answer."""

    def answered(self) -> None:
        """The store answered, be it with a refusal."""


@dataclass(slots=True, kw_only=True)
class Fallback:
    """Where new audio goes instead, and when. Not thread-safe: it lives on the event loop."""

    location: Location
    now: Callable[[], datetime]
    threshold: int
    """Failures in a row after which the primary store is left alone."""
    patience: timedelta
    """How long a commit, or a small upload, waits for the primary store; see `patience_with`."""
    forced: bool = False
    """New audio always goes to the fallback: how uploads to the primary store are switched off."""
    outage: Outage | None = field(default=None, init=False)
    stored: Counter[str] = field(default_factory=Counter, init=False)
    """Audio that went to the fallback since the start, by cause."""
    _failures: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        if self.forced:
            self.outage = Outage(cause=FORCED, begin_time=self.now())

    @property
    def is_active(self) -> bool:
        """Whether new audio goes to the fallback at once."""
        return self.outage is not None

    @property
    def leaves_alone(self) -> Outage | None:
        """Why nobody but the check of readiness may call the primary store; None: all may.

        Where only uploads to it are switched off, what lies there is still read, and deleted.
        """
        return None if self.forced else self.outage

    def patience_with(self, size_bytes: int) -> timedelta:
        """How long an upload waits for the primary store: a large one takes longer, although all is well."""
        return self.patience + timedelta(seconds=size_bytes // _SLOWEST)

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
        self.stored[cause] += 1
        logger.info("fallback.stored", extra={"cause": cause, "stored": self.stored.total()})

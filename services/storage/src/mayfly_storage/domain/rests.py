"""A store that nothing may wait for is left alone for a while after it did not answer, so that nobody queues for it."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from mayfly_storage.domain.fallback import Outage

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from mayfly_storage.domain.audio import Location
    from mayfly_storage.domain.errors import BackendUnavailableError

logger = logging.getLogger("mayfly.storage.rests")

REST: Final = timedelta(seconds=5)
"""Shorter tries more often, and lets more callers meet the outage."""
_SLOWEST: Final = 1024**2
"""Bytes per second of a connection that is slow, and works."""


@dataclass(slots=True, kw_only=True)
class Rest:
    """A Breaker that nobody has to close: when the rest is over, the next call tries. It lives on the event loop."""

    location: Location
    now: Callable[[], datetime]
    length: timedelta = REST
    patience: timedelta = timedelta(seconds=5)
    """How long a small call may take."""
    _outage: Outage | None = field(default=None, init=False)

    @property
    def leaves_alone(self) -> Outage | None:
        """The outage, while the store is left alone for it."""
        outage = self._outage
        return outage if outage is not None and self.now() < outage.begin_time + self.length else None

    def patience_with(self, size_bytes: int) -> timedelta:
        """How long a PUT may take: a large one takes longer, although all is well."""
        return self.patience + timedelta(seconds=size_bytes // _SLOWEST)

    def failed(self, error: BackendUnavailableError) -> None:
        """It did not answer: the rest begins, anew."""
        if self._outage is None:
            logger.warning("store.away", extra={"store": self.location, "cause": error.cause or error.backend})
        self._outage = Outage(cause=error.cause or error.backend, begin_time=self.now())

    def answered(self) -> None:
        """It answered, be it with a refusal."""
        if self._outage is not None:
            logger.warning("store.back", extra={"store": self.location})
        self._outage = None

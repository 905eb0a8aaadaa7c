"""How playing ends: one count for each try, by what came of it. What system C calls its playback success rate."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opentelemetry.metrics import Meter


class Playback(StrEnum):
    """What came of a try to play."""

    LINKED = "linked"
    """A stable link led to a fresh signed one."""
    GONE = "gone"
    """The audio has ended or was deleted, which is a normal answer."""
    UNKNOWN = "unknown"
    """Nobody made that link."""
    FAILED = "failed"
    """The services could not say."""
    PLAYED = "played"
    """A page says that sound was heard."""
    BROKEN = "broken"
    """A page says that its player could not play it."""


class PlaybackCounter:
    """Counts playbacks by outcome: `mayfly.gateway.playback`."""

    def __init__(self, meter: Meter) -> None:
        """Take where metrics go."""
        self._counter = meter.create_counter(
            "mayfly.gateway.playback", unit="{playback}", description="Tries to play audio, by what came of them"
        )

    def count(self, outcome: Playback) -> None:
        """One more."""
        self._counter.add(1, {"outcome": outcome.value})

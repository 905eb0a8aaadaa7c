"""Whether all cores speak one utterance sooner than one core does, as it was lately.

A voice is tried at the start, when the machine may be busy or not. Later it may be the other way round: threads of one
run wait for each other at each step, so where a neighbour takes one core every now and then, all wait for it. So every
run is timed, and the faster width is taken; the other one is tried again from time to time.

Used from the event loop only, so nothing here needs a lock.
"""

from __future__ import annotations

import math
from typing import Final

# One lone utterance in so many goes the slower way, to see whether it still is.
_AGAIN: Final = 16
# How much of the estimate each run is: the last handful decides.
_SHARE: Final = 0.3
# The way is about a millisecond long where all cores are busy.
_BRIEF_SECONDS: Final = 0.03
# Seconds for a second of speech, before any was spoken: a voice of Piper's medium size on a slow core.
_FIRST_PACE: Final = 0.1
# What comes next may take longer than what came lately.
_MARGIN: Final = 2


class Widths:
    """What the two widths of one voice took."""

    __slots__ = ("_lone", "_paces", "_seconds")

    def __init__(self) -> None:
        self._paces: dict[bool, float] = {}
        self._lone = 0
        self._seconds = math.inf

    @property
    def is_brief(self) -> bool:
        """Whether the way of a result to the event loop, and of the next utterance to a worker, is a part of a run."""
        return self._seconds < _BRIEF_SECONDS

    def choose_wide(self) -> bool:
        """How the next lone utterance should be spoken."""
        self._lone += 1
        if len(self._paces) < 2:
            return True  # as it was at the start, until both are known
        is_faster = self._paces[True] <= self._paces[False]
        return is_faster != (self._lone % _AGAIN == 0)

    def share(self, *, sample_rate: int) -> float:
        """Which part of an utterance lasts as long as the rest of it takes to be spoken, or longer. From 0 to 1."""
        pace = max(self._paces.values(), default=_FIRST_PACE / sample_rate)
        takes = pace * sample_rate * _MARGIN
        return takes / (1 + takes)

    def note(self, *, wide: bool, seconds: float, samples: int) -> None:
        """Note what a run took.

        Args:
            wide: Whether it had all cores.
            seconds: How long it ran.
            samples: What came of it; nothing is noted for nothing.
        """
        if samples:
            pace = seconds / samples
            before = self._paces.get(wide, pace)
            self._paces[wide] = before + (pace - before) * _SHARE
            self._seconds = seconds if math.isinf(self._seconds) else self._seconds + (seconds - self._seconds) * _SHARE

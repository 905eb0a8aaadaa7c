"""Whoever hears the beginning of an utterance before the rest of it is there."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Listener:
    """Somebody who hears the beginning of an utterance before the rest of it is there."""

    hears: Callable[[NDArray[np.float32]], None]
    """Called in the thread of the run."""
    share: float
    """Which part of the utterance lasts as long as the rest takes to be computed. From 0 to 1."""
    is_alone: bool = True
    """Whether nobody else waits or is spoken to, who would have to wait for what is computed twice."""

    def beginning(self, frames: int, *, least: int, hop: int, beside: int) -> int:
        """Frames of the beginning; 0: it would be little sooner than everything.

        Args:
            frames: Of the whole utterance.
            least: Samples of a beginning that is worth its price.
            hop: Samples of a frame.
            beside: Frames that are computed with the beginning, and not heard.
        """
        beginning = ceil(max(least / hop, frames * self.share))
        return beginning if 2 * (beginning + beside) <= frames else 0

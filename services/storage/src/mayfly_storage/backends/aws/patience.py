"""How often, and after which pauses, something is tried again that the SDK does not retry by itself."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """Exponential back-off with full jitter: many who met at one key do not meet again."""

    tries: int = 7
    """With the first pause of 25 ms: at most 3.2 s in all, 1.6 s on average."""
    first_pause: float = 0.025
    """Seconds."""
    jitter: Callable[[], float] = random.random
    """A number from 0 to 1."""

    def pauses(self) -> Iterator[float]:
        """The pause after each try, in seconds; as many as there are tries."""
        return (self.first_pause * 2**number * self.jitter() for number in range(self.tries))

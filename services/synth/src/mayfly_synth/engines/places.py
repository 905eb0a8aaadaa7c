"""Which processor a worker computes on.

A kernel may wake two threads on the same processor and let another one idle for some 10 ms, which is a whole sentence
of a small voice: two of them side by side took 20 ms where 14 are possible, and one that is spread over two threads
took 16 where 9 are. So where there are exactly as many processors as workers, each worker has its own. Where there are
more, the kernel knows of other work that we do not know of, and chooses.
"""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class Places:
    """Processors, one for each worker. Each thread asks for its own place."""

    def __init__(self, processors: Iterable[int] = ()) -> None:
        """Take processors by the system's numbers; none: the system chooses."""
        self._processors = tuple(sorted(processors))
        self._numbers = count()
        self._thread = threading.local()

    @classmethod
    def for_workers(cls, workers: int, *, processors: Iterable[int]) -> Places:
        """A place for each worker, if there are as many processors.

        Args:
            workers: How many compute at a time.
            processors: Those that this process may run on.
        """
        there = frozenset(processors)
        return cls(there if len(there) == workers > 1 else ())

    def take_own(self) -> None:
        """Compute on the processor of this worker from now on."""
        if self._processors:
            self._move((self._own(),))

    def take_first(self) -> None:
        """Compute on the first processor from now on: the others are those of the threads that share the work."""
        self._move(self._processors[:1])

    def leave(self) -> None:
        """Compute wherever the system likes."""
        self._move(self._processors)

    def of_helpers(self, threads: int) -> str:
        """Where the threads besides the first one compute, as ONNX Runtime writes it; empty: where the system likes.

        Args:
            threads: How many compute together.
        """
        return ";".join(str(one + 1) for one in self._processors[1:]) if threads == len(self._processors) else ""

    def _own(self) -> int:
        if not hasattr(self._thread, "own"):
            self._thread.own = self._processors[next(self._numbers) % len(self._processors)]
        own: int = self._thread.own
        return own

    def _move(self, processors: tuple[int, ...]) -> None:
        if processors and getattr(self._thread, "at", None) != processors:
            self._thread.at = processors
            # Whoever runs this may take processors away or forbid the choice. It is a matter of speed only.
            with suppress(OSError):
                os.sched_setaffinity(0, processors)

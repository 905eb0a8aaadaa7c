"""What the utterances of one call have in common: whose turn it is, and whether anybody still listens."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Flow:
    """The work of one call, among that of others. Known by its identity."""

    __slots__ = ("__weakref__",)


class Call:
    """One call that speaks. Cancelled from the event loop, asked from any thread."""

    __slots__ = ("_cancelled", "_on_cancel", "flow", "in_haste")

    def __init__(self, *, flow: Flow | None = None, in_haste: bool = False) -> None:
        """Begin.

        Args:
            flow: Whose turns it takes. Default: its own.
            in_haste: Whether somebody waits for its first utterance, and not for all of them.
        """
        self.flow = flow or Flow()
        self.in_haste = in_haste
        self._cancelled = threading.Event()
        self._on_cancel: set[Callable[[], None]] = set()

    def is_cancelled(self) -> bool:
        """Whether what is still spoken for it is of no use."""
        return self._cancelled.is_set()

    def cancel(self) -> None:
        """Stop what is spoken for it: work that waits is not begun, work that runs ends at its next step."""
        self._cancelled.set()
        for stop in tuple(self._on_cancel):
            stop()

    def on_cancel(self, stop: Callable[[], None]) -> Callable[[], None]:
        """Have something stopped when it is cancelled. Answers what to call when that is over."""
        self._on_cancel.add(stop)
        if self.is_cancelled():
            stop()
        return lambda: self._on_cancel.discard(stop)

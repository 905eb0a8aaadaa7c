"""Admission in work: characters that wait to be spoken, and not calls.

One call may hold one word or five thousand; a bound in calls would either refuse many small ones or queue hours of
speech. Refusing costs nothing and is done at once, so that a caller can go elsewhere while there is still time.

Used from the event loop only, so nothing here needs a lock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from mayfly_synth.domain.errors import SpeechBusyError

if TYPE_CHECKING:
    from datetime import timedelta


class SpeechSlots:
    """Keeps count of the characters that are admitted and not yet spoken."""

    def __init__(self, *, max_queued_characters: int, retry_after: timedelta) -> None:
        """Take the bound.

        Args:
            max_queued_characters: How much may wait or be spoken at a time. At least the longest text of one call, or
                that text could never be spoken.
            retry_after: What refused callers are told.
        """
        self._max = max_queued_characters
        self._retry_after = retry_after
        self.queued = 0
        """Characters that wait or are being spoken."""

    def admit(self, characters: int) -> SpeechSlot:
        """Take work in at once, or not at all.

        Raises:
            SpeechBusyError: If the bound would be passed. A stream asks for 0 characters before its text has come, and
                is refused only when the bound is reached.
        """
        if self.queued + max(characters, 1) > self._max:
            raise SpeechBusyError(max_queued_characters=self._max, retry_after=self._retry_after)
        return SpeechSlot(self, characters)


class SpeechSlot:
    """The work of one call."""

    __slots__ = ("_held", "_slots")

    def __init__(self, slots: SpeechSlots, characters: int) -> None:
        self._slots = slots
        self._held = 0
        self.grow(characters)

    def grow(self, characters: int) -> None:
        """Add work to what was admitted, without asking: see `Slot`."""
        self._held += characters
        self._slots.queued += characters

    def done(self, characters: int) -> None:
        """Give work back, at most what is held."""
        given = min(characters, self._held)
        self._held -= given
        self._slots.queued -= given

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.done(self._held)

"""What was said when: remembered for captions and histories, never longer than the audio itself."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from mayfly_client import Segment


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechNotes:
    """What the stored bytes do not say about themselves."""

    text: str = field(repr=False)
    segments: tuple[Segment, ...] = field(repr=False)
    peaks: tuple[float, ...]
    expire_time: datetime | None


class RememberedSpeech:
    """Notes by the name of their audio, in the memory of this process: the oldest go first."""

    def __init__(self, *, most: int, now: Callable[[], datetime]) -> None:
        """Take how many notes are remembered, and the clock."""
        self._most = most
        self._now = now
        self._notes: OrderedDict[str, SpeechNotes] = OrderedDict()

    def keep(self, name: str, notes: SpeechNotes) -> None:
        """Remember; what has ended or is too much is forgotten."""
        self._forget_ended()
        self._notes[name] = notes
        while len(self._notes) > self._most:
            self._notes.popitem(last=False)

    def get(self, name: str) -> SpeechNotes | None:
        """The notes of an audio that lives; None if none are remembered."""
        notes = self._notes.get(name)
        if notes is not None and self._has_ended(notes):
            self.forget(name)
            return None
        return notes

    def forget(self, name: str) -> None:
        """The audio is gone, and so is what was said."""
        self._notes.pop(name, None)

    def _forget_ended(self) -> None:
        for name in [name for name, notes in self._notes.items() if self._has_ended(notes)]:
            self.forget(name)

    def _has_ended(self, notes: SpeechNotes) -> bool:
        return notes.expire_time is not None and notes.expire_time <= self._now()

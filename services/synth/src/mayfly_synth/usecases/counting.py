"""Counting a text that is still being written: before each sentence is spoken, some characters ahead.

Each reservation is a request to storage, and counts as one of the subject's requests; so there is not one for every
sentence. What is counted ahead and never spoken stays counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mayfly_synth.domain.ports import AudioSink
    from mayfly_synth.domain.speech import Destination, RequestKey

_AHEAD: Final = 500
"""Characters of the second reservation and those after it, at least: half a minute of speech."""


@dataclass(slots=True, kw_only=True)
class CountedAhead:
    """What was counted for a stream and not yet spoken."""

    sink: AudioSink
    key: RequestKey
    destination: Destination
    is_kept: bool = True
    """Whether an upload will follow."""
    reservation: str = ""
    """The first one, which pays for the upload."""
    _left: int = 0
    _parts: int = 0

    async def take(self, characters: int) -> None:
        """Make sure that so many more characters are counted.

        Raises:
            QuotaExceededError: If there is no room for them.
            SynthError: Whatever `AudioSink.reserve` raises.
        """
        missing = characters - self._left
        if missing > 0:
            await self._reserve(max(missing, _AHEAD) if self._parts else missing)
        self._left -= characters

    async def _reserve(self, characters: int) -> None:
        # Without an estimate of its bytes: how long a stream will be is not known, and the upload counts them all.
        reserved = await self.sink.reserve(
            self.key, self.destination, characters=characters, size_bytes=0, part=self._parts, is_kept=self.is_kept
        )
        self.reservation = self.reservation or reserved
        self._parts += 1
        self._left += characters

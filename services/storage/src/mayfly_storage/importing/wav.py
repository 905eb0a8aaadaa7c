"""What the header of a WAV file says: how long it is, and whether all of it is there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Self

_NOT_KNOWN_YET: Final = 0x7FFF_0000
"""Writers that cannot go back to the header announce 2 or 4 GiB, less a little; storage takes nothing that large."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wav:
    """The header, as far as it is among the bytes that were looked at."""

    bytes_per_second: int
    """0: there is no format."""
    announced: int | None
    """How many bytes of sound the header promises; None: none are announced."""
    there: int
    """How many bytes follow the header."""
    complete: bool
    """Whether the header ends among the bytes that were looked at."""

    @classmethod
    def read(cls, head: bytes, size_bytes: int) -> Self | None:
        """The header; None for what is no RIFF of the usual kind (RF64 has its sizes elsewhere).

        Args:
            head: The first bytes.
            size_bytes: Of the whole file.
        """
        if head[:4] != b"RIFF" or head[8:12] != b"WAVE":
            return None
        place, rate = 12, 0
        while place + 8 <= len(head):
            name, size = head[place : place + 4], int.from_bytes(head[place + 4 : place + 8], "little")
            if name == b"fmt " and place + 20 <= len(head):
                rate = int.from_bytes(head[place + 16 : place + 20], "little")
            if name == b"data":
                there = max(0, size_bytes - place - 8)
                return cls(bytes_per_second=rate, announced=size, there=there, complete=True)
            place += 8 + size + size % 2
        return cls(bytes_per_second=rate, announced=None, there=0, complete=len(head) >= size_bytes)

    @property
    def duration(self) -> timedelta | None:
        """How long the sound is that is there; None if the header does not say."""
        if self.announced is None or not self.bytes_per_second:
            return None
        return timedelta(seconds=min(self.announced, self.there) / self.bytes_per_second)

    @property
    def damage(self) -> str:
        """What is wrong with it; empty: nothing that the header tells."""
        if self.complete and (self.announced is None or not self.bytes_per_second):
            return "its header has no format, or announces no sound"
        if self.announced is not None and self.there < self.announced < _NOT_KNOWN_YET:
            return f"it is cut off: its header announces {self.announced} bytes of sound, {self.there} are there"
        return ""

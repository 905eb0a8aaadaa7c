"""The picture of a sound: its loudest moments, measured while a WAV file goes by."""

from __future__ import annotations

import struct
import sys
from array import array
from itertools import pairwise
from typing import Final

POINTS: Final = 240
"""Points of a picture: more than a phone's width shows."""

_BLOCK: Final = 256
_FULL_SCALE: Final = 32_768
_LONGEST_HEADER: Final = 64 * 1024


class PeakMeter:
    """Takes a WAV file (16-bit) piece by piece. Of anything else it makes no picture."""

    def __init__(self) -> None:
        """Nothing was heard yet."""
        self._pending = bytearray()
        self._in_samples = False
        self._is_foreign = False
        self._loudest: list[int] = []

    def feed(self, piece: bytes) -> None:
        """The next bytes of the file."""
        if self._is_foreign:
            return
        self._pending += piece
        if not self._in_samples:
            self._skip_header()
        if self._in_samples:
            self._measure(len(self._pending) // (2 * _BLOCK) * 2 * _BLOCK)

    def peaks(self) -> list[float]:
        """The picture so far: 0 to 1, at most `POINTS` of them; none if it was no such file."""
        if self._in_samples:
            self._measure(len(self._pending) // 2 * 2)
        return [round(peak / _FULL_SCALE, 3) for peak in _fewer(self._loudest)]

    def _measure(self, size: int) -> None:
        samples = array("h", bytes(self._pending[:size]))
        del self._pending[:size]
        if sys.byteorder == "big":
            samples.byteswap()
        for start in range(0, len(samples), _BLOCK):
            block = samples[start : start + _BLOCK]
            loudest, quietest = max(block), min(block)
            self._loudest.append(max(loudest, -quietest))

    def _skip_header(self) -> None:
        start = _start_of_samples(bytes(self._pending))
        if start is not None:
            del self._pending[:start]
            self._in_samples = True
        elif not b"RIFF".startswith(self._pending[:4]) or len(self._pending) > _LONGEST_HEADER:
            self._is_foreign = True
            self._pending.clear()


def _start_of_samples(head: bytes) -> int | None:
    """Where the samples begin; None if that is not to be seen (yet), or if they have not 16 bits."""
    place = 12
    while len(head) >= place + 8 and head[8:12] == b"WAVE":
        kind, size = struct.unpack_from("<4sI", head, place)
        if kind == b"data":
            return place + 8
        if kind == b"fmt " and len(head) >= place + 24 and head[place + 22 : place + 24] != b"\x10\x00":
            return None
        place += 8 + size + size % 2
    return None


def _fewer(peaks: list[int]) -> list[int]:
    """At most `POINTS` of them: the loudest of each stretch."""
    if len(peaks) <= POINTS:
        return peaks
    edges = [round(number * len(peaks) / POINTS) for number in range(POINTS + 1)]
    return [max(peaks[start:end]) for start, end in pairwise(edges)]

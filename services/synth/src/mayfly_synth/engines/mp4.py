"""AAC in fragments of MP4: how far it can be heard, and the true length in its index once it is whole."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_FRAME: Final = 1024
"""Samples in a frame of AAC-LC, and how many the encoder puts before the first of ours."""
_CONTAINERS: Final = (b"moov", b"trak", b"edts", b"moof", b"traf")
_BOX: Final = 8


def boxes(data: bytes | bytearray | memoryview, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """The boxes between two places: kind, start and end of the body. Ends at what is no box."""
    while start + _BOX <= end:
        size, kind = struct.unpack_from(">I4s", data, start)
        if size < _BOX or start + size > end:
            return
        yield kind, start + _BOX, start + size
        if kind in _CONTAINERS:
            yield from boxes(data, start + _BOX, start + size)
        start += size


class Mp4Clock:
    """Reads fragments as they go by."""

    __slots__ = ("_frames", "_open", "_rate", "seconds")

    def __init__(self, sample_rate: int) -> None:
        self._rate = sample_rate
        self._open = b""
        self._frames = 0
        self.seconds = 0.0
        """What can be heard with all whole fragments so far."""

    def pass_by(self, piece: bytes) -> None:
        """Take the next bytes of the file."""
        self._open += piece
        while len(self._open) >= _BOX:
            size, kind = struct.unpack_from(">I4s", self._open)
            if size < _BOX or len(self._open) < size:
                return
            self._box(kind, self._open[:size])
            self._open = self._open[size:]

    def _box(self, kind: bytes, box: bytes) -> None:
        if kind == b"moof":
            self._frames += sum(
                struct.unpack_from(">I", box, start + 4)[0]
                for inner, start, _ in boxes(box, 0, len(box))
                if inner == b"trun"
            )
        elif kind == b"mdat":
            # The last frame is heard in full with the one after it alone.
            self.seconds = max(self._frames - 2, 0) * _FRAME / self._rate


def state_length(file: bytearray | memoryview, *, samples: int) -> None:
    """Write the length into the index, in place; ffmpeg knew none when it wrote it.

    Args:
        file: In fragments, with the index at its start and an edit list in it. Its clock counts samples.
        samples: Length of the sound, at the file's sample rate.
    """
    for kind, start, _ in boxes(file, 0, len(file)):
        if kind == b"moof":
            return
        # Version 0: all these lengths have 32 bits.
        if kind == b"mvhd" and not file[start]:
            struct.pack_into(">I", file, start + 16, samples)
        elif kind == b"tkhd" and not file[start]:
            struct.pack_into(">I", file, start + 20, samples)
        elif kind == b"elst" and not file[start]:
            struct.pack_into(">I", file, start + 8, samples)

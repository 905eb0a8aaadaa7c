"""How far a FLAC file can be heard, and the true length in its header once it is whole."""

from __future__ import annotations

import struct
from typing import Final

SHORTEST: Final = 16
"""Samples of the shortest file: no block may be shorter, but the last of several."""

_SYNC: Final = b"\xff\xf8"
"""Start of a frame whose number counts frames, as all have the same length: the kind that ffmpeg writes."""
_LONGEST_HEADER: Final = 16
_TOTAL: Final = 18
"""Where the header's byte stands that ends with the upper 4 of the 36 bits of the length."""


class FlacClock:
    """Reads the headers of frames as they go by."""

    __slots__ = ("_block", "_open", "_rate", "seconds")

    def __init__(self, sample_rate: int) -> None:
        self._rate = sample_rate
        self._open = b""
        self._block = 0
        self.seconds = 0.0
        """What can be heard with everything so far."""

    def pass_by(self, piece: bytes) -> None:
        """Take the next bytes of the file."""
        if not self._block and len(piece) >= 10 and piece.startswith(b"fLaC"):
            (self._block,) = struct.unpack_from(">H", piece, 8)
        data = self._open + piece
        at = data.find(_SYNC)
        while 0 <= at <= len(data) - _LONGEST_HEADER:
            number = _frame_number(data[at : at + _LONGEST_HEADER])
            if number is not None:
                # Everything before this frame is there.
                self.seconds = max(self.seconds, number * self._block / self._rate)
            at = data.find(_SYNC, at + 1)
        self._open = data[at:] if at >= 0 else data[-1:]


def state_length(file: bytearray | memoryview, *, samples: int) -> None:
    """Write the length into the header, in place; ffmpeg knew none when it wrote it."""
    if bytes(file[:4]) != b"fLaC" or len(file) < _TOTAL + 8:
        return
    file[_TOTAL + 3] = file[_TOTAL + 3] & 0xF0 | samples >> 32 & 0x0F
    struct.pack_into(">I", file, _TOTAL + 4, samples & 0xFFFFFFFF)


def _frame_number(header: bytes) -> int | None:
    """The number in a frame's header; None if it is no header: its checksum tells."""
    first = header[4]
    extra = 0 if first < 0x80 else next((count for count in range(1, 7) if not first >> (6 - count) & 1), 0)
    if first >= 0x80 and not extra:
        return None
    number = first if not extra else first & (0x3F >> extra)
    for byte in header[5 : 5 + extra]:
        number = number << 6 | byte & 0x3F
    end = 5 + extra + _optional_bytes(header)
    return number if end < len(header) and _crc8(header[:end]) == header[end] else None


def _optional_bytes(header: bytes) -> int:
    """How many bytes tell an unusual block size and sample rate."""
    block, rate = header[2] >> 4, header[2] & 0x0F
    return {6: 1, 7: 2}.get(block, 0) + {12: 1, 13: 2, 14: 2}.get(rate, 0)


def _crc8(data: bytes) -> int:
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ 0x07) & 0xFF if crc & 0x80 else crc << 1
    return crc

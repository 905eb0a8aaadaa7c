"""How far Opus in Ogg can be heard: the granule positions of its pages."""

from __future__ import annotations

import struct
from typing import Final

_PAGE: Final = b"OggS"
_HEADER: Final = 27
_RATE: Final = 48_000
"""Opus counts at this rate, whatever the samples' own is."""
_NO_PACKET_ENDS: Final = 0xFFFFFFFFFFFFFFFF


class OggClock:
    """Reads pages as they go by. What is not understood is passed over."""

    __slots__ = ("_open", "_skip", "seconds")

    def __init__(self) -> None:
        self._open = b""
        self._skip = 0
        self.seconds = 0.0
        """What can be heard with all whole pages so far."""

    def pass_by(self, piece: bytes) -> None:
        """Take the next bytes of the file."""
        self._open += piece
        while len(self._open) >= _HEADER and self._open.startswith(_PAGE):
            segments = self._open[26]
            lengths = self._open[_HEADER : _HEADER + segments]
            end = _HEADER + segments + sum(lengths)
            if len(lengths) < segments or len(self._open) < end:
                return
            self._page(self._open[:end], body=_HEADER + segments)
            self._open = self._open[end:]

    def _page(self, page: bytes, *, body: int) -> None:
        if page[body : body + 8] == b"OpusHead":
            (self._skip,) = struct.unpack_from("<H", page, body + 10)
        (granule,) = struct.unpack_from("<Q", page, 6)
        if granule != _NO_PACKET_ENDS:
            self.seconds = max(self.seconds, (granule - self._skip) / _RATE)

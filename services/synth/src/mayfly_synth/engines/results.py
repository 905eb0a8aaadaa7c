"""The result of a processing while it grows, and what its header has to say once it is whole."""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING, Final

from mayfly_synth.domain.formats import AudioFormat
from mayfly_synth.domain.processing_errors import ResultTooLargeError
from mayfly_synth.engines import flac, mp3, mp4

if TYPE_CHECKING:
    from collections.abc import Callable

_RIFF_HEADER: Final = 12
_CHUNK: Final = 8


class Result:
    """A file in memory, up to a bound. It is handed out without a copy: half of the bound would be lost to that."""

    __slots__ = ("_file", "_max_bytes")

    def __init__(self, *, max_bytes: int) -> None:
        self._file = io.BytesIO()
        self._max_bytes = max_bytes

    @property
    def size(self) -> int:
        """Bytes so far."""
        return self._file.tell()

    def add(self, piece: bytes) -> None:
        """Put a part at the end.

        Raises:
            ResultTooLargeError: If the bound would be passed.
        """
        if self.size + len(piece) > self._max_bytes:
            raise ResultTooLargeError(max_size_bytes=self._max_bytes)
        self._file.write(piece)

    def finished(self, audio_format: AudioFormat, *, samples: int) -> bytes:
        """The file with its true length in the header.

        Args:
            audio_format: What it is.
            samples: How many there are of each channel.
        """
        if audio_format is AudioFormat.MP3:
            return _with_info_frame(self._file.getvalue(), samples=samples)
        if seal := _SEALS.get(audio_format):
            view = self._file.getbuffer()
            start = bytearray(view[:_MOST_HEADER])
            seal(start, self.size, samples)
            view[: len(start)] = start
            view.release()
        return self._file.getvalue()


_MOST_HEADER: Final = 256 * 1024
"""An index without samples, and the source's tags, which may hold a few pages of text."""


def _wav(start: bytearray, size: int, _samples: int) -> None:
    """Ffmpeg leaves the lengths open, as it cannot go back in a pipe."""
    at = _RIFF_HEADER
    while at + _CHUNK <= len(start):
        kind, length = struct.unpack_from("<4sI", start, at)
        if kind == b"data":
            struct.pack_into("<I", start, 4, size - _CHUNK)
            struct.pack_into("<I", start, at + 4, size - at - _CHUNK)
            return
        at += _CHUNK + length + length % 2


def _flac(start: bytearray, _size: int, samples: int) -> None:
    flac.state_length(start, samples=samples)


def _mp4(start: bytearray, _size: int, samples: int) -> None:
    mp4.state_length(start, samples=samples)


_SEALS: Final[dict[AudioFormat, Callable[[bytearray, int, int], None]]] = {
    AudioFormat.WAV: _wav,
    AudioFormat.FLAC: _flac,
    AudioFormat.AAC: _mp4,
}


def _with_info_frame(file: bytes, *, samples: int) -> bytes:
    """Our frame goes between the tag and the first frame of sound."""
    at = mp3.tag_size(file[:10])
    if len(file) < at + 4:
        return file
    first = mp3.FrameHeader.parse(file[at : at + 4])
    frames = mp3.frames_in(len(file) - at, first)
    info = mp3.info_frame(first, frames=frames, size=len(file) - at + first.size, samples=samples)
    return b"".join((file[:at], info, file[at:]))

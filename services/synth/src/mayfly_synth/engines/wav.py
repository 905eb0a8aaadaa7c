"""The header of a WAV file: RIFF, 16-bit PCM, 44 bytes, and those of a tag. What we write ourselves has one channel."""

from __future__ import annotations

import struct
from typing import Final

from mayfly_synth.domain.formats import SAMPLE_BYTES

HEADER_BYTES: Final = 44
# What a stream states, whose length is not known yet: the most that the 32-bit fields can say, in whole samples.
LARGEST_DATA: Final = (0xFFFFFFFF - 36) // SAMPLE_BYTES * SAMPLE_BYTES
_FRAME_BYTES_AT: Final = 32
_FORMAT_BYTES_AT: Final = 16
_FORMAT_AT: Final = 20


def header(*, sample_rate: int, data_bytes: int = LARGEST_DATA, comment: str = "") -> bytes:
    """The header of a file with `data_bytes` of samples after it.

    Args:
        sample_rate: Unit: hertz.
        data_bytes: Length of what follows. Default: the largest, for a stream.
        comment: Tag of the file, in ASCII. It stands before the samples; without one, these begin after 44 bytes.
    """
    tag = _comment_chunk(comment) if comment else b""
    about = struct.pack(
        "<4sIHHIIHH",
        b"fmt ",
        16,  # bytes of the format that follow
        1,  # PCM
        1,  # channel
        sample_rate,
        sample_rate * SAMPLE_BYTES,
        SAMPLE_BYTES,
        SAMPLE_BYTES * 8,
    )
    riff = struct.pack("<4sI4s", b"RIFF", data_bytes + HEADER_BYTES + len(tag) - 8, b"WAVE")
    return riff + about + tag + struct.pack("<4sI", b"data", data_bytes)


def samples_at(file: memoryview, *, samples: int) -> int:
    """Where the samples of each channel begin, so many as there are: they are all that comes after the header."""
    (frame_bytes,) = struct.unpack_from("<H", file, _FRAME_BYTES_AT)
    return len(file) - samples * int(frame_bytes)


def state_length(file: memoryview, *, start: int) -> None:
    """Write the lengths into the header, in place: ffmpeg knew none when it wrote it, and not always that of its tag.

    Args:
        file: Complete.
        start: Where the samples begin.
    """
    struct.pack_into("<I", file, 4, len(file) - 8)
    struct.pack_into("<I", file, start - 4, len(file) - start)
    # Above 48 kHz, ffmpeg's format is a longer one.
    (format_bytes,) = struct.unpack_from("<I", file, _FORMAT_BYTES_AT)
    tag = _FORMAT_AT + int(format_bytes)
    if bytes(file[tag : tag + 4]) == b"LIST":
        struct.pack_into("<I", file, tag + 4, start - tag - 16)


def _comment_chunk(comment: str) -> bytes:
    text = comment.encode("ascii", errors="replace") + b"\0"
    entry = struct.pack("<4sI", b"ICMT", len(text)) + text + b"\0" * (len(text) % 2)
    return struct.pack("<4sI4s", b"LIST", len(entry) + 4, b"INFO") + entry

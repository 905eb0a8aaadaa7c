"""The header of a WAV file: RIFF, 16-bit mono PCM, 44 bytes."""

from __future__ import annotations

import struct
from typing import Final

from mayfly_synth.domain.speech import SAMPLE_BYTES

HEADER_BYTES: Final = 44
# What a stream states, whose length is not known yet: the most that the 32-bit fields can say, in whole samples.
LARGEST_DATA: Final = (0xFFFFFFFF - 36) // SAMPLE_BYTES * SAMPLE_BYTES


def header(*, sample_rate: int, data_bytes: int = LARGEST_DATA) -> bytes:
    """The header of a file with `data_bytes` of samples after it.

    Args:
        sample_rate: Unit: hertz.
        data_bytes: Length of what follows. Default: the largest, for a stream.
    """
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF",
        data_bytes + HEADER_BYTES - 8,
        b"WAVE",
        b"fmt ",
        16,  # bytes of the format that follow
        1,  # PCM
        1,  # channel
        sample_rate,
        sample_rate * SAMPLE_BYTES,
        SAMPLE_BYTES,
        SAMPLE_BYTES * 8,
        b"data",
        data_bytes,
    )

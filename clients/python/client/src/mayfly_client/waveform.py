"""Peaks of a sound, to draw it: the JSON of audiowaveform, version 2, which players of the web read.

    peaks = waveform.peaks(client.download(speech.name))
    Path("hello.json").write_text(peaks.as_json(), encoding="utf-8")

Of WAV alone: ask for `format="wav"`, or `process_audio(name, format="wav")` first.
"""

from __future__ import annotations

import io
import json
import sys
import wave
from array import array
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_TYPES: Final = {1: "B", 2: "h", 4: "i"}
_BITS: Final = (8, 16)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waveform:
    """The lowest and the highest sample of each stretch of a sound."""

    channels: int
    sample_rate_hertz: int
    samples_per_pixel: int
    """Length of a stretch."""
    bits: int
    """8: values of -128 to 127; 16: of -32,768 to 32,767."""
    data: tuple[int, ...] = field(repr=False)
    """For each stretch, for each channel: the lowest, the highest."""

    @property
    def length(self) -> int:
        """Number of stretches."""
        return len(self.data) // (2 * self.channels)

    def as_json(self) -> str:
        """What audiowaveform writes, and peaks.js and wavesurfer.js read."""
        told = {
            "version": 2,
            "channels": self.channels,
            "sample_rate": self.sample_rate_hertz,
            "samples_per_pixel": self.samples_per_pixel,
            "bits": self.bits,
            "length": self.length,
            "data": self.data,
        }
        return json.dumps(told, separators=(",", ":")) + "\n"


def peaks(source: bytes | Path, *, samples_per_pixel: int = 256, bits: int = 8) -> Waveform:
    """The peaks of a WAV file, read piece by piece.

    Args:
        source: The bytes, or a file, of WAV with samples of 8, 16 or 32 bits.
        samples_per_pixel: Length of a stretch. At least 2.
        bits: Of a value: 8 or 16.

    Raises:
        ValueError: If it is no such file, or an argument is out of range.
    """
    if samples_per_pixel < 2 or bits not in _BITS:
        raise ValueError(f"samples_per_pixel must be 2 or more and bits 8 or 16, not {samples_per_pixel} and {bits}")
    try:
        with wave.open(str(source) if isinstance(source, Path) else io.BytesIO(source)) as reader:
            return Waveform(
                channels=reader.getnchannels(),
                sample_rate_hertz=reader.getframerate(),
                samples_per_pixel=samples_per_pixel,
                bits=bits,
                data=tuple(_extremes(reader, samples_per_pixel, bits)),
            )
    except (wave.Error, EOFError) as error:
        raise ValueError(f"peaks are made of WAV with whole samples, and this is none: {error}") from error


def write(path: str | Path, source: bytes | Path, *, samples_per_pixel: int = 256, bits: int = 8) -> None:
    """Write the peaks of a WAV file to a file; see `peaks`."""
    Path(path).write_text(peaks(source, samples_per_pixel=samples_per_pixel, bits=bits).as_json(), encoding="utf-8")


def _extremes(reader: wave.Wave_read, frames: int, bits: int) -> Iterator[int]:
    channels, width = reader.getnchannels(), reader.getsampwidth()
    if width not in _TYPES:
        raise wave.Error(f"its samples have {8 * width} bits")
    while data := reader.readframes(frames):
        samples = array(_TYPES[width], data[: len(data) // (width * channels) * width * channels])
        if sys.byteorder == "big":
            samples.byteswap()
        for channel in range(channels):
            if heard := samples[channel::channels]:
                yield _scaled(min(heard), width, bits)
                yield _scaled(max(heard), width, bits)


def _scaled(sample: int, width: int, bits: int) -> int:
    """Samples of one byte have their zero in the middle."""
    value, have = (sample - 128 if width == 1 else sample), 8 * width
    return value >> have - bits if have >= bits else value << bits - have

"""The formats that a sound can be written in, and what each of them allows."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

SAMPLE_BYTES: Final = 2
"""16-bit PCM is what every voice makes and every encoder takes."""

_MP3_RATES: Final = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
_OPUS_RATES: Final = (8_000, 12_000, 16_000, 24_000, 48_000)
_TELEPHONE: Final = (8_000,)

LOUDEST_PEAK: Final = -1.0
"""True peak that no sound with a target loudness passes. Unit: dBTP. EBU R128's ceiling for what is encoded again."""


class AudioFormat(Enum):
    """A container with its codec. The value is the name that people use."""

    WAV = "wav"
    MP3 = "mp3"
    OPUS = "opus"
    AAC = "aac"
    FLAC = "flac"
    PCM = "pcm"
    MULAW = "mulaw"
    ALAW = "alaw"

    @property
    def content_type(self) -> str:
        """The MIME type."""
        return _CONTENT_TYPES[self]

    @property
    def extension(self) -> str:
        """What file names end in, without the dot. Storage's keys agree with it."""
        return _EXTENSIONS[self]

    @property
    def is_lossy(self) -> bool:
        """Whether it has a bit rate to choose."""
        return self in _BIT_RATES

    @property
    def is_cuttable(self) -> bool:
        """Whether a finished file can be cut to the sample, without encoding it again."""
        return self in _CUTTABLE

    @property
    def sample_rates(self) -> tuple[int, ...]:
        """The sample rates that it takes; empty: any. Unit: hertz."""
        return _SAMPLE_RATES.get(self, ())

    def nearest_rate(self, sample_rate: int) -> int:
        """The lowest rate that it takes and that loses nothing of `sample_rate`, or else its highest."""
        if not self.sample_rates:
            return sample_rate
        return next((rate for rate in self.sample_rates if rate >= sample_rate), self.sample_rates[-1])

    def bit_rate(self, asked: int | None = None, *, channels: int = 1) -> int:
        """The bit rate to encode with, for formats that are lossy. Unit: bits in a second.

        Args:
            asked: What the caller wants; None: the format's own.
            channels: How many there are at most.
        """
        rate = asked or _BIT_RATES[self] * channels
        # Opus has no more to say with more, and its encoder refuses to try.
        return min(rate, _MOST_OPUS * channels) if self is AudioFormat.OPUS else rate


_CONTENT_TYPES: Final = {
    AudioFormat.WAV: "audio/wav",
    AudioFormat.MP3: "audio/mpeg",
    AudioFormat.OPUS: "audio/ogg",
    AudioFormat.AAC: "audio/mp4",
    AudioFormat.FLAC: "audio/flac",
    AudioFormat.PCM: "audio/L16",
    AudioFormat.MULAW: "audio/basic",
    AudioFormat.ALAW: "audio/x-alaw-basic",
}
_EXTENSIONS: Final = {
    AudioFormat.WAV: "wav",
    AudioFormat.MP3: "mp3",
    AudioFormat.OPUS: "ogg",
    AudioFormat.AAC: "m4a",
    AudioFormat.FLAC: "flac",
    AudioFormat.PCM: "pcm",
    AudioFormat.MULAW: "ulaw",
    AudioFormat.ALAW: "alaw",
}
# Samples one after the other; and MP3, whose first frame says where in the others the sound begins and ends.
_CUTTABLE: Final = (AudioFormat.WAV, AudioFormat.PCM, AudioFormat.MULAW, AudioFormat.ALAW, AudioFormat.MP3)
# For one channel. Speech of one speaker has no more to say: the voices end at 11 kHz.
_BIT_RATES: Final = {AudioFormat.MP3: 64_000, AudioFormat.OPUS: 32_000, AudioFormat.AAC: 64_000}
_MOST_OPUS: Final = 256_000
_SAMPLE_RATES: Final = {
    AudioFormat.MP3: _MP3_RATES,
    AudioFormat.OPUS: _OPUS_RATES,
    # AAC has others, too; these are the ones that players have in common.
    AudioFormat.AAC: _MP3_RATES,
    AudioFormat.MULAW: _TELEPHONE,
    AudioFormat.ALAW: _TELEPHONE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoding:
    """How samples of one channel become a file."""

    format: AudioFormat
    sample_rate: int
    """Of the file. Unit: hertz."""
    bit_rate: int | None = None
    """Of lossy formats. Unit: bits in a second."""
    loudness_lufs: float | None = None
    """The integrated loudness to reach. None: as it is."""
    title: str = ""
    """Who speaks, for the mark in the file's tags."""

    @property
    def least_byte_rate(self) -> int:
        """A low estimate of the file's bytes in a second."""
        if self.format in (AudioFormat.MULAW, AudioFormat.ALAW):
            return self.sample_rate
        if self.format in (AudioFormat.WAV, AudioFormat.PCM):
            return self.sample_rate * SAMPLE_BYTES
        return _LEAST_BYTE_RATE


# Of speech that is easy to encode.
_LEAST_BYTE_RATE: Final = 3_000


@dataclass(frozen=True, slots=True)
class Loudness:
    """What was measured over a whole sound, by EBU R128."""

    integrated: float
    """Unit: LUFS. At least -70, which is what silence has."""
    true_peak: float
    """Unit: dBTP. Silence has minus infinity."""

    def gain_to(self, target: float) -> float:
        """The decibels that are missing. Silence is not made louder."""
        return target - self.integrated if self.integrated > _SILENCE else 0.0

    def stays_below(self, ceiling: float, *, gain: float) -> bool:
        """Whether no peak would pass the ceiling with this gain."""
        return self.true_peak + gain <= ceiling


_SILENCE: Final = -70.0


@dataclass(slots=True)
class Meter:
    """Asked by whoever encodes, and filled in once everything is."""

    whole: bool = False
    """Whether nothing needs to be written before all of the sound came, so that its loudness can be exact."""
    loudness: Loudness | None = None
    """Of what was written. Measured only where a loudness was asked for."""
    samples: int | None = None
    """Length of what was written, at its sample rate. None where it was not counted."""

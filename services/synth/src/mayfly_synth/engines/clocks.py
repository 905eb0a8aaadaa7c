"""How far a file can be heard, told from the bytes of it that went by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from mayfly_synth.domain.formats import SAMPLE_BYTES, AudioFormat
from mayfly_synth.engines import mp3
from mayfly_synth.engines.flac import FlacClock
from mayfly_synth.engines.mp4 import Mp4Clock
from mayfly_synth.engines.ogg import OggClock

if TYPE_CHECKING:
    from mayfly_synth.domain.formats import Encoding


class Clock(Protocol):
    """Reads a file as it goes by."""

    @property
    def seconds(self) -> float:
        """What can be heard with everything so far; never too much."""

    def pass_by(self, piece: bytes) -> None:
        """Take the next bytes of the file."""


def clock_of(encoding: Encoding) -> Clock:
    """A clock for what ffmpeg writes."""
    if encoding.format is AudioFormat.OPUS:
        return OggClock()
    if encoding.format is AudioFormat.AAC:
        return Mp4Clock(encoding.sample_rate)
    if encoding.format is AudioFormat.FLAC:
        return FlacClock(encoding.sample_rate)
    if encoding.format is AudioFormat.MP3:
        return _Mp3Clock()
    return _ByteClock(encoding.sample_rate * (1 if encoding.format.sample_rates else SAMPLE_BYTES))


class _ByteClock:
    """Of samples that follow each other without anything in between."""

    def __init__(self, byte_rate: int) -> None:
        self._byte_rate = byte_rate
        self._bytes = 0

    @property
    def seconds(self) -> float:
        return self._bytes / self._byte_rate

    def pass_by(self, piece: bytes) -> None:
        self._bytes += len(piece)


class _Mp3Clock:
    """Of frames with one bit rate, which their first header tells."""

    def __init__(self) -> None:
        self._first: mp3.FrameHeader | None = None
        self._bytes = 0

    @property
    def seconds(self) -> float:
        if self._first is None:
            return 0.0
        delay = (mp3.ENCODER_DELAY + mp3.DECODER_DELAY) / self._first.sample_rate
        return max(self._bytes * 8 / self._first.bit_rate - delay, 0.0)

    def pass_by(self, piece: bytes) -> None:
        if self._first is None:
            self._first = mp3.FrameHeader.parse(piece)
        self._bytes += len(piece)

"""What can be done to an audio that somebody sends: the nouns of processing."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum
from typing import TYPE_CHECKING

from mayfly_synth.domain.formats import AudioFormat

if TYPE_CHECKING:
    from mayfly_synth.domain.formats import Loudness


class Container(Enum):
    """A kind of file that is taken. The value is the name that people use."""

    WAV = "wav"
    MP3 = "mp3"
    M4A = "m4a"
    CAF = "caf"
    FLAC = "flac"
    OGG = "ogg"
    AIFF = "aiff"
    WEBM = "webm"

    @property
    def content_type(self) -> str:
        """The MIME type, as storage's collections have it."""
        return _CONTENT_TYPES[self]


_CONTENT_TYPES = {
    Container.WAV: "audio/wav",
    Container.MP3: "audio/mpeg",
    Container.M4A: "audio/mp4",
    Container.CAF: "audio/x-caf",
    Container.FLAC: "audio/flac",
    Container.OGG: "audio/ogg",
    Container.AIFF: "audio/aiff",
    Container.WEBM: "audio/webm",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """What to do with an audio."""

    format: AudioFormat = AudioFormat.MP3
    trim_silence: bool = False
    start: timedelta = timedelta()
    end: timedelta | None = None
    sample_rate: int | None = None
    """None: the source's, or the nearest that the format takes. Unit: hertz."""
    mono: bool = False
    bit_rate: int | None = None
    """None: the format's. Unit: bits in a second."""
    loudness_lufs: float | None = None

    @property
    def measures_first(self) -> bool:
        """Whether the whole sound has to be heard before the first of it can be written."""
        return self.loudness_lufs is not None or (self.trim_silence and not self.format.is_cuttable)

    @property
    def trims_last(self) -> bool:
        """Whether silent ends are written, too, and cut off the finished file."""
        return self.trim_silence and not self.measures_first


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessingLimits:
    """How much one call may send, and how much may come of it."""

    max_input_bytes: int = 50 * 1024 * 1024
    max_output_bytes: int = 50 * 1024 * 1024
    max_duration: timedelta = timedelta(hours=3)


class Received:
    """What came of an input so far. Whoever takes the bytes first adds them, so that they are hashed once."""

    __slots__ = ("_digest", "size")

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self.size = 0
        """Unit: bytes."""

    def add(self, piece: bytes) -> None:
        """Some more came."""
        self._digest.update(piece)
        self.size += len(piece)

    @property
    def sha256(self) -> bytes:
        """Of all that came so far."""
        return self._digest.digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Processed:
    """A finished file, and what is known of its source."""

    data: bytes = field(repr=False)
    format: AudioFormat
    duration: timedelta
    source: Container
    source_size_bytes: int
    source_duration: timedelta | None
    """None where only a part of it was read."""
    loudness: Loudness | None
    """Of the result, where one was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessingRecord:
    """One processing, for the log and the metrics. Nothing in it says whose audio it was, or what was in it."""

    outcome: str
    """`ok`, or the kind of error: its class's name without `Error`."""
    input_size: int
    output_size: int
    processing_time: timedelta
    audio_duration: timedelta
    container: str
    format: str
    subject: str
    """A pseudonym that changes every day; empty for audio of nobody."""

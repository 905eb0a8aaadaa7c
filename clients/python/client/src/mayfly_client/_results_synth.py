"""What synth answers. Times are aware UTC datetimes, lengths are timedeltas from the start of the file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """A voice that the server has loaded."""

    name: str
    language_code: str
    language: str
    quality: str
    sample_rate_hertz: int
    speakers: tuple[str, ...]
    """In the order of their ids; empty for a voice with one speaker."""
    has_alignments: bool
    """Whether it tells the true timing of its phonemes; otherwise timings are estimated."""
    is_default: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAudio:
    """What storage keeps of the result, with a link to it."""

    name: str
    """Storage's name of the audio, for every other call."""
    collection: str
    object_key: str
    file_name: str
    content_type: str
    size_bytes: int
    duration: timedelta
    create_time: datetime
    expire_time: datetime | None
    """None: kept until it is deleted."""
    url: str = field(repr=False)
    """Signed link. A secret until `url_expire_time`, so not in the repr."""
    url_expire_time: datetime | None
    sha256: bytes = field(repr=False)
    local: bool
    """Whether the bytes lie in storage's own files rather than in S3."""


class OneFile:
    """A result that is one file: what is asked of it most."""

    __slots__ = ()

    if TYPE_CHECKING:

        @property
        def audio(self) -> StoredAudio:
            """The file."""

    @property
    def name(self) -> str:
        """Storage's name of the file."""
        return self.audio.name

    @property
    def object_key(self) -> str:
        """Key of the object, its final one: what other systems call `s3_key`."""
        return self.audio.object_key

    @property
    def url(self) -> str:
        """Signed link to the file. A secret until `audio.url_expire_time`."""
        return self.audio.url

    @property
    def duration(self) -> timedelta:
        """Length of the file."""
        return self.audio.duration

    @property
    def expire_time(self) -> datetime | None:
        """When the file stops being readable."""
        return self.audio.expire_time


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """A word and when it is heard."""

    graphemes: str
    start: timedelta
    end: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One sentence."""

    index: int
    graphemes: str
    phonemes: str
    start: timedelta
    end: timedelta
    words: tuple[Word, ...]
    words_estimated: bool
    """Whether the words' times are estimated and not the voice's own."""
    audio: StoredAudio | None
    """Its own file, with `file_per_segment`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A mark of the SSML and when it is passed."""

    name: str
    offset: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Speech(OneFile):
    """A spoken and stored text."""

    stored: StoredAudio | None
    """The file. None with `file_per_segment`: each segment has its own."""
    segments: tuple[Segment, ...]
    voice: str
    language_code: str
    sample_rate_hertz: int
    processing_time: timedelta
    """How long the server worked."""
    marks: tuple[Mark, ...]
    warnings: tuple[str, ...]
    """What was left out, with `lenient_ssml`."""
    loudness_lufs: float | None
    """Measured loudness, where a target was asked for."""

    @property
    def audio(self) -> StoredAudio:
        """The file; ValueError with `file_per_segment`."""
        if self.stored is None:
            raise ValueError("this speech has one file for each segment: read segments[i].audio")
        return self.stored


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechHeader:
    """First item of a stream: what follows."""

    content_type: str
    sample_rate_hertz: int
    voice: str


@dataclass(frozen=True, slots=True)
class AudioChunk:
    """Bytes of the file, in order."""

    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechTrailer:
    """Last item of a stream: what was kept."""

    stored: StoredAudio | None
    """None with `discard`."""
    duration: timedelta
    processing_time: timedelta
    loudness_lufs: float | None


SpeechItem = SpeechHeader | AudioChunk | Segment | SpeechTrailer
"""What a stream of speech consists of."""

"""What a caller asks for, and what it gets: the nouns of speaking."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime, timedelta
    from uuid import UUID

    from mayfly_synth.domain.timeline import PassedMark, Segment
    from mayfly_synth.domain.voices import Voice, VoiceCatalog

# 16-bit mono PCM is what every voice makes and every encoder takes.
SAMPLE_BYTES = 2
# Characters in a second, at normal speed.
_FASTEST = 30
# Bytes in a second of speech that is easy to encode.
_LEAST_MP3_RATE = 3_000


class AudioFormat(Enum):
    """A format that this release can write."""

    WAV = "wav"
    MP3 = "mp3"

    @property
    def content_type(self) -> str:
        """The MIME type."""
        return {AudioFormat.WAV: "audio/wav", AudioFormat.MP3: "audio/mpeg"}[self]


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechOptions:
    """How a caller wants a text to be spoken. Empty or None: the default of the server or of the voice."""

    voice: str = ""
    speaker: str = ""
    language_code: str = ""
    format: AudioFormat = AudioFormat.WAV
    speed: float = 1.0
    """0.25 to 4.0; 2.0 is twice as fast."""
    volume: float = 1.0
    """0.0 to 2.0; what does not fit into 16 bits is clipped."""
    sentence_silence: timedelta | None = None
    noise_scale: float | None = None
    noise_w_scale: float | None = None
    pronunciations: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Words, and phonemes in `[[...]]` or other words to say instead; ordered, so that equal ones are equal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """How a text is spoken: the options, with every choice made."""

    voice: Voice
    speaker_id: int | None
    format: AudioFormat
    speed: float
    volume: float
    sentence_silence: timedelta
    noise_scale: float | None
    noise_w_scale: float | None
    pronunciations: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    @classmethod
    def of(cls, options: SpeechOptions, voices: VoiceCatalog, *, sentence_silence: timedelta) -> Delivery:
        """Make the choices that the options leave open.

        Args:
            options: What the caller asks for.
            voices: What there is.
            sentence_silence: The server's default.

        Raises:
            VoiceUnknownError: If no voice has the name.
            SpeakerUnknownError: If the voice has no such speaker.
            LanguageError: If the voice does not speak the language.
        """
        voice = voices.choose(options.voice, language_code=options.language_code)
        silence = options.sentence_silence
        return cls(
            voice=voice,
            speaker_id=voice.speaker_id(options.speaker) if options.speaker else None,
            format=options.format,
            speed=options.speed,
            volume=options.volume,
            sentence_silence=sentence_silence if silence is None else silence,
            noise_scale=options.noise_scale,
            noise_w_scale=options.noise_w_scale,
            pronunciations=options.pronunciations,
        )

    def least_bytes(self, characters: int) -> int:
        """A low estimate of the file for so many characters: nobody speaks faster, no file is smaller by much."""
        seconds = characters / (_FASTEST * self.speed)
        rate = self.voice.sample_rate * SAMPLE_BYTES if self.format is AudioFormat.WAV else _LEAST_MP3_RATE
        return int(seconds * rate)


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Where the result goes. Storage has the rules."""

    collection: str = ""
    """Empty: the server's default."""
    key_fields: tuple[tuple[str, str], ...] = ()
    """Ordered by key, so that equal destinations are equal."""
    expire_time: datetime | None = None
    ttl: timedelta | None = None
    url_ttl: timedelta | None = None
    user_id: str = ""
    guest_address: str = field(default="", repr=False)
    """Personal data: handed to storage, kept and logged nowhere."""
    labels: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestKey:
    """Whose request it is, and which: what makes a retry a retry."""

    caller: str
    """Name of the caller; a request_id means nothing outside it."""
    request_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Speech:
    """A text that was spoken: a finished file, and what is heard when."""

    data: bytes = field(repr=False)
    """The whole file, with its true length in the header."""
    format: AudioFormat
    voice: Voice
    duration: timedelta
    segments: tuple[Segment, ...] = field(repr=False)
    text: str = field(repr=False)
    """What was spoken, in NFC and without markup."""
    marks: tuple[PassedMark, ...] = ()
    warnings: tuple[str, ...] = ()
    """What of the text was left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAudio:
    """What storage keeps of the result."""

    name: str
    collection: str
    object_key: str
    content_type: str
    size_bytes: int
    sha256: bytes
    duration: timedelta
    create_time: datetime
    expire_time: datetime | None
    url: str = field(repr=False)
    """Signed, and a secret until `url_expire_time`."""
    url_expire_time: datetime
    local: bool
    """Whether the bytes lie in storage's own files rather than in S3."""

    @property
    def file_name(self) -> str:
        """The last part of the key."""
        return self.object_key.rpartition("/")[2]

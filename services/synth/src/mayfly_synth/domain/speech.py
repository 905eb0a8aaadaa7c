"""What a caller asks for, and what it gets: the nouns of speaking."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mayfly_synth.domain.formats import SAMPLE_BYTES, AudioFormat, Encoding, Loudness

if TYPE_CHECKING:
    from datetime import datetime, timedelta
    from uuid import UUID

    from mayfly_synth.domain.timeline import PassedMark, Segment
    from mayfly_synth.domain.voices import Voice, VoiceCatalog

__all__ = [
    "SAMPLE_BYTES",
    "AudioFormat",
    "Delivery",
    "Destination",
    "RequestKey",
    "Speech",
    "SpeechOptions",
    "StoredAudio",
]

# Characters in a second, at normal speed.
_FASTEST = 30


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
    """0.0 to 2.0; what does not fit into 16 bits is limited."""
    sentence_silence: timedelta | None = None
    noise_scale: float | None = None
    noise_w_scale: float | None = None
    pronunciations: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Words, and phonemes in `[[...]]` or other words to say instead; ordered, so that equal ones are equal."""
    sample_rate: int | None = None
    """Of the file, one that the format takes. Unit: hertz."""
    bit_rate: int | None = None
    """Of lossy formats. Unit: bits in a second."""
    loudness_lufs: float | None = None
    """Of the whole utterance."""


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
    sample_rate: int | None = None
    bit_rate: int | None = None
    loudness_lufs: float | None = None

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
            sample_rate=options.sample_rate,
            bit_rate=options.bit_rate,
            loudness_lufs=options.loudness_lufs,
        )

    @property
    def encoding(self) -> Encoding:
        """How the file is written: at the voice's own rate, unless another one was asked for or is needed."""
        return Encoding(
            format=self.format,
            sample_rate=self.sample_rate or self.format.nearest_rate(self.voice.sample_rate),
            bit_rate=self.bit_rate,
            loudness_lufs=self.loudness_lufs,
            title=self.voice.name,
        )

    def least_bytes(self, characters: int) -> int:
        """A low estimate of the file for so many characters: nobody speaks faster, no file is smaller by much."""
        seconds = characters / (_FASTEST * self.speed)
        return int(seconds * self.encoding.least_byte_rate)


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
    part: int | None = None
    """Number of the file, where a request has one for each segment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Speech:
    """A text that was spoken: a finished file, and what is heard when."""

    data: bytes = field(repr=False)
    """The whole file, with its true length in the header. Empty where there are parts."""
    format: AudioFormat
    voice: Voice
    duration: timedelta
    segments: tuple[Segment, ...] = field(repr=False)
    text: str = field(repr=False)
    """What was spoken, in NFC and without markup."""
    marks: tuple[PassedMark, ...] = ()
    warnings: tuple[str, ...] = ()
    """What of the text was left out."""
    sample_rate: int = 0
    """Of the file. Unit: hertz. 0: the voice's."""
    loudness: Loudness | None = None
    """Where one was asked for."""
    parts: tuple[Speech, ...] = field(default=(), repr=False)
    """A file for each segment, instead of one for all."""

    @property
    def size_bytes(self) -> int:
        """Size of all files."""
        return len(self.data) + sum(len(part.data) for part in self.parts)


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

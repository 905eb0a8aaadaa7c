"""The keyword arguments that several methods share, each documented once.

They are TypedDicts for `**options: Unpack[...]`, so that AsyncClient and Client take the same names with the same types
and editors complete them. None always means the same as leaving the argument out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypedDict

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime

    from mayfly_client._times import Seconds


class SubjectOptions(TypedDict, total=False):
    """Whose audio it is: at most one of the two."""

    user_id: str | None
    """A signed-in user's stable id."""
    guest_address: str | None
    """A guest's network address. Storage keeps a keyed hash that changes every day, never the address (by default)."""


class ExpiryOptions(TypedDict, total=False):
    """When the audio stops being readable: at most one of the two. Default and maximum: the collection's lifetime."""

    ttl: Seconds | None
    """Relative to the creation: a timedelta, or seconds. At least 1 s."""
    expire_time: datetime | None
    """Absolute, aware."""


class KeepOptions(SubjectOptions, ExpiryOptions, total=False):
    """What every new audio may say about itself."""

    key_fields: Mapping[str, str] | None
    """The parts of the collection's key template that the caller chooses, e.g. `{"recording_id": "r1"}`."""
    labels: Mapping[str, str] | None
    """The writer's own notes: at most 16."""


class NewAudioOptions(KeepOptions, total=False):
    """Facts about audio that is saved."""

    voice: str | None
    """The voice that spoke."""
    text: str | None
    """The text that was spoken. Dropped where storage is set not to keep texts."""
    duration: Seconds | None
    """Length of the audio: a timedelta, or seconds."""


class DestinationOptions(KeepOptions, total=False):
    """Where a result of synth is kept."""

    collection: str | None
    """Collection of storage. Default: the server's, `temp-audio`."""
    url_ttl: Seconds | None
    """Life of the link in the answer: a timedelta, or seconds. Cut to what is true."""


class StreamOptions(DestinationOptions, total=False):
    """How to speak, and where to keep it."""

    voice: str | None
    """Voice, e.g. `en_US-lessac-medium`. Default: the server's."""
    speaker: str | None
    """Speaker of a voice with several, by name or id."""
    language_code: str | None
    """Language, e.g. `en_US`; picks the voice where none is named."""
    format: str | None
    """`wav` (default), `mp3`, `opus`, `aac`, `flac`, `pcm`, `mulaw` or `alaw`, as far as the server can write it."""
    speed: float | None
    """0.25 to 4.0. Default 1.0."""
    volume: float | None
    """0.0 to 2.0. Default 1.0."""
    sentence_silence: Seconds | None
    """Silence after each sentence: a timedelta, or seconds. 0 to 10 s."""
    noise_scale: float | None
    """Variation of the sound, 0.0 to 2.0. 0 for both noises makes the result repeatable."""
    noise_w_scale: float | None
    """Variation of the lengths, 0.0 to 2.0."""
    sample_rate_hertz: int | None
    """8,000 to 48,000. Default: the voice's."""
    bit_rate_bps: int | None
    """Bit rate of lossy formats, 16,000 to 320,000."""
    loudness_lufs: float | None
    """Loudness of the whole utterance, -70.0 to -5.0."""
    pronunciations: Mapping[str, str] | None
    """Word to phonemes in `[[...]]`, or to other words."""


class SpeakOptions(StreamOptions, total=False):
    """How to speak a text that is sent as a whole, and where to keep it."""

    ssml: bool
    """The text is SSML."""
    lenient_ssml: bool
    """Answer unknown SSML elements as warnings instead of an error."""
    file_per_segment: bool
    """Store one file for each sentence instead of one file for all."""


class ProcessOptions(DestinationOptions, total=False):
    """What to do with an audio, and where to keep the result."""

    preset: str | None
    """`speech-to-text` (MP3, 16 kHz, mono, silence trimmed) or `transcoded` (MP3 at the source's rate). What else is
    given takes precedence."""
    format: str | None
    """`wav`, `mp3` (default), `opus`, `aac`, `flac`, `pcm`, `mulaw` or `alaw`."""
    trim_silence: bool | None
    """Remove silence at both ends. Default: the preset's, or no."""
    start: Seconds | None
    """Keep from here: a timedelta, or seconds."""
    end: Seconds | None
    """Keep to here: a timedelta, or seconds."""
    sample_rate_hertz: int | None
    """8,000 to 48,000. Default: the preset's, or the source's."""
    mono: bool | None
    """Mix to one channel. Default: the preset's, or no."""
    loudness_lufs: float | None
    """Loudness of the result, -70.0 to -5.0. Default: as it is."""
    bit_rate_bps: int | None
    """Bit rate of lossy formats, 16,000 to 320,000."""
    transcribe: bool
    """Also answer what is said; PreconditionError where the server has no transcriber."""


class ListOptions(SubjectOptions, total=False):
    """Which audio to list. Filters are combined."""

    collection: str | None
    """Only this collection."""
    date: date | str | None
    """Only this UTC day of creation: a date, or `YYYY-MM-DD`."""
    session_id: str | None
    """Only audio whose key field `session_id` has this value."""
    object_key_prefix: str | None
    """Only object keys that start with this."""
    page_size: int | None
    """How many to fetch at a time. Default 100, at most 1,000."""


class SweepOptions(TypedDict, total=False):
    """What to sweep, and what to stop at."""

    dry_run: bool
    """Only look: count what is due, delete nothing."""
    collection: str | None
    """Only this collection of storage."""
    time_budget: Seconds | None
    """Stop when this time is used up: a timedelta, or seconds. Default: the server's."""
    max_delete_count: int
    """Refuse to delete more items than this. 0: the server's guard."""
    max_delete_ratio: float
    """Refuse to delete more than this share of what is stored, 0 to 1. 0: the server's guard."""
    older_than: Seconds | None
    """Only what has been due for so long: a timedelta, or seconds. Default: everything that is due."""
    path: str
    """Only objects whose key begins so."""
    store: Literal["local", "s3"] | None
    """Only storage's own files (`local`), or only S3 (`s3`). Default: both."""


def refuse_unknown(method: str, given: Mapping[str, object], allowed: type) -> None:
    """What Python does for ordinary keyword arguments, with the names that there are."""
    names = allowed.__optional_keys__  # type: ignore[attr-defined] # every TypedDict class has it
    if unknown := sorted(given.keys() - names):
        raise TypeError(f"{method}() takes no argument {unknown[0]!r}; it takes {', '.join(sorted(names))}")

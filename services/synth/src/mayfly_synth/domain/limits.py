"""How much one call may ask for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechLimits:
    """The bounds and defaults that the server sets; the settings say what each one costs."""

    max_characters: int = 5_000
    """Of a text, or of one piece of a stream."""
    max_stream_characters: int = 100_000
    """Of all pieces of a stream together."""
    max_sentence_characters: int = 400
    """Longer sentences are cut."""
    max_audio_bytes: int = 50 * 1024 * 1024
    """Of one kept file, or of all files of one call."""
    max_segment_files: int = 200
    """Files of one call that has one for each segment."""
    sentence_silence: timedelta = timedelta(milliseconds=200)
    """Where a call asks for none."""

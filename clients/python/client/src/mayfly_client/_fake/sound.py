"""Sound that a fake voice makes: a real file, a tone for each sentence, as long as its text."""

from __future__ import annotations

import io
import math
import re
import wave
from array import array
from dataclasses import dataclass
from datetime import timedelta

SAMPLE_RATE = 22_050
_PITCH_HERTZ = 220
_AMPLITUDE = 8_000
_SECONDS_PER_CHARACTER = 0.06
_PAUSE_SECONDS = 0.2
_SENTENCE = re.compile(r"[^.!?]+[.!?]*\s*")

# MPEG-1 Layer III, 32 kbit/s, 44.1 kHz, mono: a frame whose side information is all zero is silence.
MP3_FRAME = b"\xff\xfb\x10\xc0" + bytes(100)
MP3_FRAME_SECONDS = 1_152 / 44_100


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence and when it is heard."""

    text: str
    start: timedelta
    end: timedelta

    @property
    def phonemes(self) -> str:
        """Its letters and digits, as if each stood for a sound."""
        return " ".join("".join(filter(str.isalnum, word)) for word in self.text.lower().split())


def sentences(text: str, speed: float) -> list[Sentence]:
    """The sentences of a text, one after the other; none where there is not a letter to pronounce."""
    found, at = [], 0.0
    for piece in _SENTENCE.findall(text):
        stripped = piece.strip()
        if any(map(str.isalnum, stripped)):
            end = at + len(stripped) * _SECONDS_PER_CHARACTER / speed
            found.append(Sentence(stripped, timedelta(seconds=at), timedelta(seconds=end)))
            at = end + _PAUSE_SECONDS
    return found


def samples(sentence: Sentence) -> bytes:
    """A tone of the sentence's length, and the pause after it; 16-bit PCM."""
    second = array(
        "h",
        (round(_AMPLITUDE * math.sin(2 * math.pi * _PITCH_HERTZ * i / SAMPLE_RATE)) for i in range(SAMPLE_RATE)),
    ).tobytes()
    length = round((sentence.end - sentence.start).total_seconds() * SAMPLE_RATE) * 2
    tone = (second * (length // len(second) + 1))[:length]
    return tone + bytes(round(_PAUSE_SECONDS * SAMPLE_RATE) * 2)


def wav(pcm: bytes, *, rate: int = SAMPLE_RATE) -> bytes:
    """A WAV file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(rate)
        writer.writeframes(pcm)
    return file.getvalue()


def mp3(pcm: bytes) -> bytes:
    """An MP3 file of the same length. It is silent: encoding is the real synth's business."""
    return silent_mp3(seconds(pcm))


def silent_mp3(length: float) -> bytes:
    """An MP3 file of a length in seconds."""
    return MP3_FRAME * max(1, round(length / MP3_FRAME_SECONDS))


def seconds(pcm: bytes) -> float:
    """Length of the sound."""
    return len(pcm) / 2 / SAMPLE_RATE

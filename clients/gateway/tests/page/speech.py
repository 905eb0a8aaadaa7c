"""The speech of the page's tests: the shipped voice, spoken once, with the times of its words."""

from __future__ import annotations

import array
import io
import json
import wave
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
SPEECH = HERE / "speech.wav"
TEXT = (
    "The river is quiet tonight. A mayfly rises from the water, and has one evening to dance. "
    "By morning, nothing of it is left."
)


def sentences() -> list[dict[str, Any]]:
    """The sentences of the speech, with their words and times."""
    return json.loads((HERE / "speech.json").read_text())["segments"]


def pcm() -> bytes:
    """Its samples, 16 bit, 16 kHz."""
    with wave.open(str(SPEECH)) as file:
        return file.readframes(file.getnframes())


def peaks(count: int = 200) -> list[float]:
    """Its picture."""
    samples = array.array("h", pcm())
    step = len(samples) // count
    return [round(max(map(abs, samples[at * step : (at + 1) * step])) / 32768, 3) for at in range(count)]


def long_speech() -> bytes:
    """Its samples again and again: longer than a browser fetches at once."""
    file = io.BytesIO()
    with wave.open(file, "wb") as made:
        made.setnchannels(1)
        made.setsampwidth(2)
        made.setframerate(16_000)
        made.writeframes(pcm() * 16)
    return file.getvalue()

"""Speech as synth hands it to storage, for tests."""

from __future__ import annotations

from datetime import timedelta
from typing import Final
from uuid import UUID

from mayfly_synth.domain.speech import AudioFormat, RequestKey, Speech
from mayfly_synth.domain.voices import Voice

KEY: Final = RequestKey(caller="gateway", request_id=UUID(int=7))
VOICE: Final = Voice(
    name="en_US-mayfly-low", language_code="en_US", language="English", quality="low", sample_rate=16_000
)


def speech(data: bytes = b"RIFF and so on", text: str = "Hello.") -> Speech:
    """A second and a half of it."""
    return Speech(
        data=data, format=AudioFormat.WAV, voice=VOICE, duration=timedelta(seconds=1.5), segments=(), text=text
    )

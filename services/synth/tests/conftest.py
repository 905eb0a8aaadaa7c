"""What the tests of synth share: the voice that ships with Mayfly, loaded once, and real engines over it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mayfly_runtime.offload import Offload
from mayfly_synth.domain.speech import AudioFormat, Delivery
from mayfly_synth.engines.encoders import SpeechEncoder
from mayfly_synth.engines.ffmpeg import Ffmpeg
from mayfly_synth.testing import load_voices, piper_engine

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from mayfly_synth.engines.piper import PiperEngine
    from mayfly_synth.engines.voice_folder import LoadedVoice

VOICES = Path(__file__).parents[3] / "voices"


@pytest.fixture(scope="session")
def voices_dir() -> Path:
    return VOICES


@pytest.fixture(scope="session")
def shipped() -> LoadedVoice:
    (voice,) = load_voices(VOICES)
    return voice


@pytest.fixture
async def offload() -> AsyncIterator[Offload]:
    pool = Offload(name="speech", workers=2, queue=100)
    yield pool
    await pool.shutdown()


@pytest.fixture
def engine(shipped: LoadedVoice, offload: Offload) -> PiperEngine:
    return piper_engine([shipped], offload)


@pytest.fixture
def encoder() -> SpeechEncoder:
    return SpeechEncoder(Ffmpeg.find())


@pytest.fixture
def delivery(shipped: LoadedVoice) -> Delivery:
    """Plain and repeatable: without noise."""
    return Delivery(
        voice=shipped.voice,
        speaker_id=None,
        format=AudioFormat.WAV,
        speed=1.0,
        volume=1.0,
        sentence_silence=timedelta(),
        noise_scale=0.0,
        noise_w_scale=0.0,
    )

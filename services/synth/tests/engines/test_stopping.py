"""Cancelled work stops: nothing that was started for a caller outlives it."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from mayfly_synth.domain.limits import SpeechLimits
from mayfly_synth.domain.speech import AudioFormat, Destination, RequestKey, SpeechOptions
from mayfly_synth.domain.voices import VoiceCatalog
from mayfly_synth.engines.piper import PiperEngine
from mayfly_synth.engines.slots import SpeechSlots
from mayfly_synth.engines.turns import Turns
from mayfly_synth.engines.voice_cache import VoiceCache
from mayfly_synth.testing import MemorySink
from mayfly_synth.testing_processing import programs
from mayfly_synth.usecases.keeping import Keeping
from mayfly_synth.usecases.recent import RecentSpeech
from mayfly_synth.usecases.rendered import RenderedSpeech
from mayfly_synth.usecases.speaking import Speaking
from mayfly_synth.usecases.synthesize import Synthesize, SynthesizeCommand

if TYPE_CHECKING:
    from mayfly_runtime.offload import Offload
    from mayfly_synth.engines.encoders import SpeechEncoder
    from mayfly_synth.engines.voice_folder import LoadedVoice

CALLS = 200


@dataclass
class House:
    """All that speaks, with everything that counts."""

    turns: Turns
    slots: SpeechSlots
    offload: Offload
    cache: VoiceCache
    recent: RecentSpeech
    synthesize: Synthesize
    sink: MemorySink

    def is_quiet(self) -> bool:
        return (self.turns.taken, self.turns.waiting, self.slots.queued, self.offload.in_use) == (0, 0, 0, 0)


@pytest.fixture
def house(shipped: LoadedVoice, offload: Offload, encoder: SpeechEncoder) -> House:
    async def load(_name: str) -> LoadedVoice:
        return shipped

    turns = Turns(workers=2)
    slots = SpeechSlots(max_queued_characters=1_000_000, retry_after=timedelta(seconds=1))
    cache = VoiceCache([shipped], load=load)
    engine = PiperEngine(cache, turns=turns, offload=offload)
    rendered = RenderedSpeech(engine, max_bytes=10**6, lifetime=timedelta(minutes=1), monotonic=time.monotonic)
    recent = RecentSpeech(max_bytes=10**6, lifetime=timedelta(minutes=1), monotonic=time.monotonic)
    sink = MemorySink()
    speaking = Speaking(
        voices=VoiceCatalog([shipped.voice], default=shipped.voice.name),
        limits=SpeechLimits(),
        admission=slots,
        engine=rendered,
        encoder=encoder,
    )
    keeping = Keeping(recent=recent, sink=sink)
    synthesize = Synthesize(speaking=speaking, keeping=keeping, window=3, monotonic=time.monotonic)
    return House(turns, slots, offload, cache, recent, synthesize, sink)


def long_text(number: int, audio_format: AudioFormat = AudioFormat.WAV) -> SynthesizeCommand:
    text = "".join(f"This is sentence {sentence} of the text of caller {number}. " for sentence in range(60))
    return SynthesizeCommand(
        key=RequestKey(caller="test", request_id=UUID(int=number)),
        text=text,
        options=SpeechOptions(format=audio_format, speed=0.5),
        destination=Destination(),
    )


async def test_of_two_hundred_cancelled_syntheses_nothing_is_left(house: House) -> None:
    chance = random.Random(7)  # noqa: S311 - not for secrets
    for start in range(0, CALLS, 20):
        formats = [chance.choice((AudioFormat.WAV, AudioFormat.MP3)) for _ in range(20)]
        calls = [
            asyncio.ensure_future(house.synthesize(long_text(start + number, each)))
            for number, each in enumerate(formats)
        ]
        # At any moment of their lives: before their turn, while they speak, while they are encoded.
        for call in chance.sample(calls, len(calls)):
            await asyncio.sleep(chance.random() * 0.02)
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        assert all(call.cancelled() for call in calls)

    async with asyncio.timeout(60):
        # Threads tell nobody when they end; they do so at their next step.
        while not house.is_quiet():  # noqa: ASYNC110 - see above
            await asyncio.sleep(0.01)
    assert house.cache.lent == 0
    assert not house.sink.kept
    assert house.recent.bytes == 0
    assert not programs()


async def test_after_them_speech_is_as_it_was(house: House) -> None:
    calls = [asyncio.ensure_future(house.synthesize(long_text(number))) for number in range(5)]
    await asyncio.sleep(0.05)
    for call in calls:
        call.cancel()
    await asyncio.gather(*calls, return_exceptions=True)

    kept = await house.synthesize(long_text(99))

    assert len(kept.speech.segments) == 60
    assert house.is_quiet()

from __future__ import annotations

import asyncio
from contextlib import aclosing
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from mayfly_synth.domain.errors import SpeechBusyError
from mayfly_synth.domain.formats import Meter
from mayfly_synth.domain.limits import SpeechLimits
from mayfly_synth.domain.speech import SpeechOptions
from mayfly_synth.domain.timeline import SpokenSentence, Timeline
from mayfly_synth.domain.utterance import Utterance
from mayfly_synth.domain.voices import Voice, VoiceCatalog
from mayfly_synth.engines.encoders import SpeechEncoder
from mayfly_synth.engines.ffmpeg import Ffmpeg
from mayfly_synth.engines.slots import SpeechSlots
from mayfly_synth.usecases.speaking import Pace, Speaking

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from mayfly_synth.domain.call import Call
    from mayfly_synth.domain.ports import Heard
    from mayfly_synth.domain.speech import Delivery

VOICE = Voice(name="v", language_code="en", language="English", quality="low", sample_rate=16_000)


class HeldEngine:
    """Speaks when it is let go."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.began = asyncio.Event()
        self.calls: list[Call] = []
        self.hearing: list[Heard | None] = []
        self.fail: Exception | None = None

    async def speak(
        self, utterance: Utterance, delivery: Delivery, *, call: Call, heard: Heard | None = None
    ) -> SpokenSentence:
        self.calls.append(call)
        self.hearing.append(heard)
        self.began.set()
        await self.go.wait()
        if self.fail is not None:
            raise self.fail
        return SpokenSentence(pcm=bytes(2 * len(utterance.written)), phonemes=utterance.written)

    async def phonemize(self, sentence: str, voice: Voice) -> str:
        return sentence


async def sentences(*texts: str) -> AsyncIterator[Utterance]:
    for text in texts:
        yield Utterance.of(text)


@pytest.fixture
def engine() -> HeldEngine:
    return HeldEngine()


@pytest.fixture
def slots() -> SpeechSlots:
    return SpeechSlots(max_queued_characters=10, retry_after=timedelta(seconds=1))


@pytest.fixture
def speaking(engine: HeldEngine, slots: SpeechSlots) -> Speaking:
    return Speaking(
        voices=VoiceCatalog([VOICE], default="v"),
        limits=SpeechLimits(),
        admission=slots,
        engine=engine,
        encoder=SpeechEncoder(Ffmpeg.find()),
    )


async def speak(speaking: Speaking, *texts: str) -> bytes:
    return b"".join([part async for part in streamed(speaking, *texts, streams=False)])


async def streamed(speaking: Speaking, *texts: str, streams: bool = True) -> AsyncGenerator[bytes, None]:
    delivery, timeline = speaking.delivery(SpeechOptions()), Timeline(sample_rate=16_000)
    with speaking.admission.admit(sum(map(len, texts))) as slot:
        pace = Pace(slot=slot, window=2, streams=streams)
        spoken = speaking.encoded(sentences(*texts), delivery, timeline, pace=pace, meter=Meter())
        async with aclosing(spoken) as parts:
            async for part in parts:
                yield part.data


async def beginning_of(stream: AsyncGenerator[bytes, None], engine: HeldEngine) -> bytes:
    """What comes next, as the engine has the beginning of the first sentence, and not the rest."""
    coming = asyncio.ensure_future(anext(stream))
    await engine.began.wait()
    [heard] = engine.hearing
    assert heard is not None
    heard(b"abcd")
    return await coming


async def test_while_the_bound_is_reached_others_are_refused_at_once(
    speaking: Speaking, engine: HeldEngine, slots: SpeechSlots
) -> None:
    busy = asyncio.create_task(speak(speaking, "12345", "67890"))
    await engine.began.wait()

    with pytest.raises(SpeechBusyError):
        await speak(speaking, "x")

    engine.go.set()
    await busy
    assert slots.queued == 0
    assert await speak(speaking, "x")


async def test_cancelling_tells_the_workers_and_gives_the_slot_back(
    speaking: Speaking, engine: HeldEngine, slots: SpeechSlots
) -> None:
    call = asyncio.create_task(speak(speaking, "12345", "67890"))
    await engine.began.wait()

    call.cancel()
    await asyncio.gather(call, return_exceptions=True)

    assert all(call.is_cancelled() for call in engine.calls)
    assert slots.queued == 0


async def test_the_default_silence_follows_each_sentence(speaking: Speaking, engine: HeldEngine) -> None:
    engine.go.set()

    file = await speak(speaking, "12345", "67")

    assert len(file) == 44 + 2 * (5 + 3200 + 2 + 3200)


async def test_a_stream_has_its_beginning_before_its_first_sentence_is_done(
    speaking: Speaking, engine: HeldEngine
) -> None:
    async with aclosing(streamed(speaking, "12345", "67")) as stream:
        header = await anext(stream)
        assert await beginning_of(stream, engine) == b"abcd"
        engine.go.set()
        rest = b"".join([part async for part in stream])

    assert len(header) == 44
    # The engine's sentence is silent: what was heard of it before is not in it once more.
    assert rest == bytes(2 * (5 + 3200 + 2 + 3200) - 4)
    assert engine.hearing[1] is None


async def test_only_a_stream_has_a_beginning(speaking: Speaking, engine: HeldEngine) -> None:
    engine.go.set()

    await speak(speaking, "12345", "67")

    assert engine.hearing == [None, None]


async def test_a_stream_that_is_closed_after_its_beginning_is_not_spoken_to_its_end(
    speaking: Speaking, engine: HeldEngine, slots: SpeechSlots
) -> None:
    async with aclosing(streamed(speaking, "12345", "67")) as stream:
        await anext(stream)
        await beginning_of(stream, engine)

    assert [call.is_cancelled() for call in engine.calls] == [True]
    assert slots.queued == 0


async def test_a_first_sentence_that_fails_after_its_beginning_breaks_the_stream_off(
    speaking: Speaking, engine: HeldEngine, slots: SpeechSlots
) -> None:
    async with aclosing(streamed(speaking, "12345")) as stream:
        await anext(stream)
        await beginning_of(stream, engine)
        engine.fail = RuntimeError("broken")
        engine.go.set()
        with pytest.raises(RuntimeError, match="broken"):
            await anext(stream)

    assert slots.queued == 0

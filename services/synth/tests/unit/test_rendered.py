from __future__ import annotations

import asyncio
import dataclasses
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from mayfly_synth.domain.call import Call
from mayfly_synth.domain.speech import Delivery, SpeechOptions
from mayfly_synth.domain.timeline import SpokenSentence
from mayfly_synth.domain.utterance import Manner, MarkedPlace, Piece, Utterance
from mayfly_synth.domain.voices import Voice, VoiceCatalog
from mayfly_synth.usecases.rendered import RenderedSpeech

if TYPE_CHECKING:
    from mayfly_synth.domain.ports import Heard

VOICE = Voice(name="v", language_code="en", language="English", quality="low", sample_rate=16_000)
DELIVERY = Delivery.of(SpeechOptions(), VoiceCatalog([VOICE], default="v"), sentence_silence=timedelta())
HELLO = Utterance.of("Hello.")


class CountingEngine:
    """Notes what it is asked for; each answer is another one."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Call]] = []
        self.go = asyncio.Event()
        self.go.set()
        self.fail: Exception | None = None
        self.hearing: list[Heard | None] = []

    async def speak(
        self, utterance: Utterance, delivery: Delivery, *, call: Call, heard: Heard | None = None
    ) -> SpokenSentence:
        self.asked.append((utterance.written, call))
        self.hearing.append(heard)
        number = len(self.asked)
        await self.go.wait()
        if self.fail is not None:
            raise self.fail
        return SpokenSentence(pcm=bytes([number]) * 1_000, phonemes=utterance.written)

    async def phonemize(self, sentence: str, voice: Voice) -> str:
        return sentence


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def engine() -> CountingEngine:
    return CountingEngine()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def rendered(engine: CountingEngine, clock: Clock) -> RenderedSpeech:
    return RenderedSpeech(engine, max_bytes=2_500, lifetime=timedelta(minutes=5), monotonic=clock)


async def test_the_same_is_spoken_once(rendered: RenderedSpeech, engine: CountingEngine) -> None:
    first = await rendered.speak(HELLO, DELIVERY, call=Call())
    second = await rendered.speak(HELLO, DELIVERY, call=Call())

    assert first is second
    assert len(engine.asked) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"speed": 2.0},
        {"volume": 0.5},
        {"speaker_id": 1},
        {"noise_scale": 0.0},
        {"noise_w_scale": 0.0},
        {"voice": dataclasses.replace(VOICE, name="w")},
    ],
)
async def test_what_shapes_the_sound_makes_another(
    rendered: RenderedSpeech, engine: CountingEngine, changes: dict[str, object]
) -> None:
    await rendered.speak(HELLO, DELIVERY, call=Call())

    await rendered.speak(HELLO, dataclasses.replace(DELIVERY, **changes), call=Call())  # type: ignore[arg-type]

    assert len(engine.asked) == 2


@pytest.mark.parametrize(
    "other",
    [
        Utterance.of("Hello!"),
        Utterance(pieces=(Piece("Hello.", "Hi."),)),
        Utterance(pieces=(Piece("Hello.", "Hello.", Manner.SPELLED),)),
        dataclasses.replace(HELLO, rate=2.0),
        dataclasses.replace(HELLO, volume=2.0),
    ],
)
async def test_what_is_said_otherwise_is_another(
    rendered: RenderedSpeech, engine: CountingEngine, other: Utterance
) -> None:
    await rendered.speak(HELLO, DELIVERY, call=Call())

    await rendered.speak(other, DELIVERY, call=Call())

    assert len(engine.asked) == 2


async def test_what_does_not_shape_the_sound_makes_no_other(rendered: RenderedSpeech, engine: CountingEngine) -> None:
    await rendered.speak(HELLO, DELIVERY, call=Call())
    marked = dataclasses.replace(HELLO, marks=(MarkedPlace("m", 0),), pause=timedelta(seconds=1))

    await rendered.speak(marked, dataclasses.replace(DELIVERY, sentence_silence=timedelta(seconds=3)), call=Call())

    assert len(engine.asked) == 1


async def test_those_who_ask_at_the_same_time_wait_for_one(rendered: RenderedSpeech, engine: CountingEngine) -> None:
    sounds = await asyncio.gather(*(rendered.speak(HELLO, DELIVERY, call=Call()) for _ in range(20)))

    assert len(engine.asked) == 1
    assert len({id(sound) for sound in sounds}) == 1


async def test_it_goes_on_for_the_others_when_the_first_one_leaves(
    rendered: RenderedSpeech, engine: CountingEngine
) -> None:
    engine.go.clear()
    first_call = Call()
    first = asyncio.ensure_future(rendered.speak(HELLO, DELIVERY, call=first_call))
    second = asyncio.ensure_future(rendered.speak(HELLO, DELIVERY, call=Call()))
    await asyncio.sleep(0)

    first_call.cancel()
    first.cancel()
    await asyncio.sleep(0)
    engine.go.set()

    assert (await second).pcm
    assert not engine.asked[0][1].is_cancelled()


async def test_it_stops_when_nobody_listens_any_more_and_is_not_remembered(
    rendered: RenderedSpeech, engine: CountingEngine
) -> None:
    engine.go.clear()
    waiting = [asyncio.ensure_future(rendered.speak(HELLO, DELIVERY, call=Call())) for _ in range(2)]
    await asyncio.sleep(0)

    for each in waiting:
        each.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)

    assert engine.asked[0][1].is_cancelled()
    engine.go.set()
    assert (await rendered.speak(HELLO, DELIVERY, call=Call())).pcm[0] == 2


async def test_its_turn_is_that_of_the_first_who_asked(rendered: RenderedSpeech, engine: CountingEngine) -> None:
    call = Call(in_haste=True)

    await rendered.speak(HELLO, DELIVERY, call=call)

    assert engine.asked[0][1].flow is call.flow
    assert engine.asked[0][1].in_haste


async def test_a_failure_is_told_to_all_and_not_remembered(rendered: RenderedSpeech, engine: CountingEngine) -> None:
    engine.fail = RuntimeError("broken")
    asked = [rendered.speak(HELLO, DELIVERY, call=Call()) for _ in range(3)]
    assert [str(error) for error in await asyncio.gather(*asked, return_exceptions=True)] == ["broken"] * 3

    engine.fail = None

    assert (await rendered.speak(HELLO, DELIVERY, call=Call())).pcm


async def test_what_was_not_asked_for_for_longest_makes_room(rendered: RenderedSpeech, engine: CountingEngine) -> None:
    for text in ("a", "b"):
        await rendered.speak(Utterance.of(text), DELIVERY, call=Call())
    await rendered.speak(Utterance.of("a"), DELIVERY, call=Call())

    await rendered.speak(Utterance.of("c"), DELIVERY, call=Call())
    await rendered.speak(Utterance.of("a"), DELIVERY, call=Call())

    assert [text for text, _ in engine.asked] == ["a", "b", "c"]
    assert rendered.bytes <= 2_500


async def test_nothing_outlives_the_lifetime_however_often_it_is_asked_for(
    rendered: RenderedSpeech, engine: CountingEngine, clock: Clock
) -> None:
    for minute in range(5):
        clock.now = minute * 60.0
        await rendered.speak(HELLO, DELIVERY, call=Call())
    assert len(engine.asked) == 1

    clock.now = 300.0
    await rendered.speak(HELLO, DELIVERY, call=Call())

    assert len(engine.asked) == 2


async def test_what_is_too_large_is_not_remembered(engine: CountingEngine, clock: Clock) -> None:
    small = RenderedSpeech(engine, max_bytes=10, lifetime=timedelta(minutes=5), monotonic=clock)

    await small.speak(HELLO, DELIVERY, call=Call())

    assert small.bytes == 0


async def test_what_is_too_old_is_forgotten_although_nobody_asks_any_more(
    rendered: RenderedSpeech, clock: Clock
) -> None:
    await rendered.speak(HELLO, DELIVERY, call=Call())
    assert rendered.bytes > 0

    clock.now = 300.0
    rendered.forget_old()

    assert rendered.bytes == 0


async def test_it_is_told_how_each_one_was_answered(engine: CountingEngine, clock: Clock) -> None:
    noted: list[str] = []
    rendered = RenderedSpeech(
        engine, max_bytes=2_500, lifetime=timedelta(minutes=5), monotonic=clock, note=noted.append
    )

    await asyncio.gather(*(rendered.speak(HELLO, DELIVERY, call=Call()) for _ in range(3)))
    await rendered.speak(HELLO, DELIVERY, call=Call())

    assert noted == ["spoken", "shared", "shared", "remembered"]


async def test_pronouncing_is_passed_on(rendered: RenderedSpeech) -> None:
    assert await rendered.phonemize("Hello.", VOICE) == "Hello."


async def test_all_who_wait_for_the_same_hear_its_beginning(rendered: RenderedSpeech, engine: CountingEngine) -> None:
    engine.go.clear()
    early: list[bytes] = []
    late: list[bytes] = []
    silent: list[bytes] = []
    first = asyncio.ensure_future(rendered.speak(HELLO, DELIVERY, call=Call(), heard=early.append))
    second = asyncio.ensure_future(rendered.speak(HELLO, DELIVERY, call=Call()))
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    [hear] = engine.hearing
    assert hear is not None
    hear(b"be")
    third = asyncio.ensure_future(rendered.speak(HELLO, DELIVERY, call=Call(), heard=late.append))
    await asyncio.sleep(0)
    assert (early, late) == ([b"be"], [b"be"])
    engine.go.set()
    await asyncio.gather(first, second, third)

    await rendered.speak(HELLO, DELIVERY, call=Call(), heard=silent.append)
    assert silent == []


async def test_nothing_is_cut_for_those_who_wait_for_all_of_it(
    rendered: RenderedSpeech, engine: CountingEngine
) -> None:
    await rendered.speak(HELLO, DELIVERY, call=Call())

    assert engine.hearing == [None]

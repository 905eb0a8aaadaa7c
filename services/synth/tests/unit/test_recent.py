from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from mayfly_runtime.testing import FakeClock
from mayfly_synth.domain.errors import RequestIdReusedError
from mayfly_synth.domain.speech import AudioFormat, RequestKey, Speech
from mayfly_synth.domain.voices import Voice
from mayfly_synth.usecases.recent import RecentSpeech

VOICE = Voice(name="v", language_code="en", language="English", quality="low", sample_rate=16_000)
KEY = RequestKey(caller="gateway", request_id=UUID(int=1))


def speech(data: bytes = b"12345") -> Speech:
    return Speech(data=data, format=AudioFormat.WAV, voice=VOICE, duration=timedelta(seconds=1), segments=(), text="hi")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def recent(clock: FakeClock) -> RecentSpeech:
    return RecentSpeech(max_bytes=10, lifetime=timedelta(minutes=1), monotonic=clock.monotonic)


class Voicebox:
    """Counts how often it speaks; what it says is new every time, like a voice with noise."""

    def __init__(self) -> None:
        self.times = 0

    async def __call__(self) -> Speech:
        self.times += 1
        return speech(f"take{self.times}".encode())


async def test_a_retry_gets_what_was_spoken_the_first_time(recent: RecentSpeech) -> None:
    speak = Voicebox()

    first = await recent.once(KEY, "text", speak)

    assert await recent.once(KEY, "text", speak) is first
    assert speak.times == 1


async def test_another_request_with_the_same_id_is_refused(recent: RecentSpeech) -> None:
    await recent.once(KEY, "text", Voicebox())

    with pytest.raises(RequestIdReusedError) as refused:
        await recent.once(KEY, "other text", Voicebox())
    assert refused.value.request_id == KEY.request_id


async def test_two_callers_may_have_the_same_request_id(recent: RecentSpeech) -> None:
    speak = Voicebox()
    await recent.once(KEY, "text", speak)

    await recent.once(RequestKey(caller="other", request_id=KEY.request_id), "other text", speak)

    assert speak.times == 2


async def test_two_calls_at_the_same_time_are_spoken_once(recent: RecentSpeech) -> None:
    go, times = asyncio.Event(), 0

    async def speak() -> Speech:
        nonlocal times
        times += 1
        await go.wait()
        return speech()

    calls = [asyncio.create_task(recent.once(KEY, "text", speak)) for _ in range(3)]
    await asyncio.sleep(0)
    go.set()

    assert [await call for call in calls] == [speech()] * 3
    assert times == 1


async def test_whoever_waits_for_a_call_that_is_cancelled_speaks_itself(recent: RecentSpeech) -> None:
    speak = Voicebox()

    async def hang() -> Speech:
        await asyncio.Event().wait()
        return speech()

    first = asyncio.create_task(recent.once(KEY, "text", hang))
    await asyncio.sleep(0)
    second = asyncio.create_task(recent.once(KEY, "text", speak))
    await asyncio.sleep(0)
    first.cancel()

    assert (await second).data == b"take1"
    assert first.cancelled()


async def test_a_failure_is_not_remembered(recent: RecentSpeech) -> None:
    async def fail() -> Speech:
        raise ValueError("no voice today")

    with pytest.raises(ValueError, match="today"):
        await recent.once(KEY, "text", fail)

    assert (await recent.once(KEY, "text", Voicebox())).data == b"take1"


async def test_speech_is_forgotten_when_its_time_is_up(recent: RecentSpeech, clock: FakeClock) -> None:
    speak = Voicebox()
    await recent.once(KEY, "text", speak)
    clock.advance(timedelta(minutes=1))

    assert (await recent.once(KEY, "text", speak)).data == b"take2"
    assert recent.bytes == 5


async def test_the_oldest_speech_is_forgotten_when_there_is_too_much(recent: RecentSpeech) -> None:
    speak = Voicebox()
    keys = [RequestKey(caller="gateway", request_id=UUID(int=number)) for number in range(3)]
    for key in keys:
        await recent.once(key, "text", speak)

    assert recent.bytes == 10
    assert (await recent.once(keys[2], "text", speak)).data == b"take3"
    assert (await recent.once(keys[0], "text", speak)).data == b"take4"


async def test_without_memory_nothing_is_remembered(clock: FakeClock) -> None:
    recent = RecentSpeech(max_bytes=0, lifetime=timedelta(minutes=1), monotonic=clock.monotonic)
    speak = Voicebox()
    await recent.once(KEY, "text", speak)

    assert (await recent.once(KEY, "text", speak)).data == b"take2"
    assert recent.bytes == 0

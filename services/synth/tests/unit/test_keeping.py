from __future__ import annotations

import asyncio
from contextlib import nullcontext
from datetime import timedelta
from uuid import UUID

import pytest

from mayfly_runtime.testing import FakeClock
from mayfly_synth.domain.errors import (
    QuotaExceededError,
    RequestIdReusedError,
    SpeechBusyError,
    StorageUnavailableError,
)
from mayfly_synth.domain.speech import AudioFormat, Destination, RequestKey, Speech
from mayfly_synth.domain.voices import Voice
from mayfly_synth.engines.slots import SpeechSlots
from mayfly_synth.testing import MemorySink, quota_exceeded
from mayfly_synth.usecases.keeping import Keeping
from mayfly_synth.usecases.recent import RecentSpeech

VOICE = Voice(name="v", language_code="en", language="English", quality="low", sample_rate=16_000)
KEY = RequestKey(caller="gateway", request_id=UUID(int=1))
HERE = Destination()


class Voicebox:
    """Says something new every time, like a voice with noise, once it may."""

    def __init__(self) -> None:
        self.times = 0
        self.began = asyncio.Event()
        self.go = asyncio.Event()
        self.go.set()

    async def __call__(self, _place: None) -> Speech:
        self.times += 1
        self.began.set()
        take = f"take {self.times}".encode()
        await self.go.wait()
        return Speech(data=take, format=AudioFormat.WAV, voice=VOICE, duration=timedelta(1), segments=(), text="hi")


async def uncounted() -> str:
    """There is no subject to count for."""
    return ""


@pytest.fixture
def sink() -> MemorySink:
    return MemorySink()


@pytest.fixture
def keeping(sink: MemorySink) -> Keeping:
    recent = RecentSpeech(max_bytes=1000, lifetime=timedelta(minutes=1), monotonic=FakeClock().monotonic)
    return Keeping(recent=recent, sink=sink)


async def test_a_retry_keeps_what_was_spoken_the_first_time(keeping: Keeping, sink: MemorySink) -> None:
    speak = Voicebox()

    first = await keeping(KEY, HERE, fingerprint="text", reserve=uncounted, admit=nullcontext, speak=speak)
    second = await keeping(KEY, HERE, fingerprint="text", reserve=uncounted, admit=nullcontext, speak=speak)

    assert second == first
    assert (speak.times, len(sink.kept)) == (1, 1)


async def test_a_retry_after_storage_failed_does_not_speak_again(keeping: Keeping, sink: MemorySink) -> None:
    speak = Voicebox()
    sink.fail = StorageUnavailableError(retry_after=timedelta(seconds=1))
    with pytest.raises(StorageUnavailableError):
        await keeping(KEY, HERE, fingerprint="text", reserve=uncounted, admit=nullcontext, speak=speak)

    speech, _ = await keeping(KEY, HERE, fingerprint="text", reserve=uncounted, admit=nullcontext, speak=speak)

    assert speech.data == b"take 1"


async def test_calls_at_the_same_time_are_spoken_and_kept_once(keeping: Keeping) -> None:
    speak = Voicebox()
    speak.go.clear()
    calls = [
        asyncio.create_task(keeping(KEY, HERE, fingerprint="text", reserve=uncounted, admit=nullcontext, speak=speak))
        for _ in range(5)
    ]
    await speak.began.wait()
    speak.go.set()

    answers = await asyncio.gather(*calls)

    assert len({audio.name for _, [audio] in answers}) == 1
    assert speak.times == 1


async def test_whoever_waits_for_a_call_that_is_cancelled_speaks_itself(keeping: Keeping) -> None:
    speak = Voicebox()
    speak.go.clear()
    first = asyncio.create_task(
        keeping(KEY, HERE, fingerprint="text", reserve=uncounted, admit=nullcontext, speak=speak)
    )
    await speak.began.wait()
    second = asyncio.create_task(
        keeping(KEY, HERE, fingerprint="text", reserve=uncounted, admit=nullcontext, speak=speak)
    )
    first.cancel()
    await asyncio.wait([first])
    speak.go.set()

    speech, _ = await second

    assert first.cancelled()
    assert speech.data == b"take 2"


async def test_a_failure_to_speak_is_not_remembered(keeping: Keeping) -> None:
    async def fail(_place: None) -> Speech:
        raise ValueError("no voice today")

    with pytest.raises(ValueError, match="today"):
        await keeping(KEY, HERE, fingerprint="text", reserve=uncounted, admit=nullcontext, speak=fail)

    speech, _ = await keeping(KEY, HERE, fingerprint="text", reserve=uncounted, admit=nullcontext, speak=Voicebox())
    assert speech.data == b"take 1"


async def test_another_text_with_the_same_request_id_is_refused(keeping: Keeping, sink: MemorySink) -> None:
    await keeping(KEY, HERE, fingerprint="text", reserve=uncounted, admit=nullcontext, speak=Voicebox())

    with pytest.raises(RequestIdReusedError):
        await keeping(KEY, HERE, fingerprint="other text", reserve=uncounted, admit=nullcontext, speak=Voicebox())
    assert len(sink.kept) == 1


async def test_nothing_is_left_of_a_call_but_what_it_remembers(keeping: Keeping) -> None:
    await keeping(KEY, HERE, fingerprint="text", reserve=uncounted, admit=nullcontext, speak=Voicebox())

    assert not keeping._turns


async def test_a_refused_subject_costs_no_speech(keeping: Keeping) -> None:
    speak = Voicebox()

    async def refuse() -> str:
        raise quota_exceeded()

    with pytest.raises(QuotaExceededError):
        await keeping(KEY, HERE, fingerprint="text", reserve=refuse, admit=nullcontext, speak=speak)

    assert speak.times == 0


async def test_a_call_without_a_place_has_nothing_counted(keeping: Keeping) -> None:
    counted: list[str] = []

    async def reserve() -> str:
        counted.append("counted")
        return "counted"

    slots = SpeechSlots(max_queued_characters=10, retry_after=timedelta(seconds=1))
    with slots.admit(10), pytest.raises(SpeechBusyError):
        await keeping(
            KEY,
            HERE,
            fingerprint="text",
            reserve=reserve,
            admit=lambda: slots.admit(1),
            speak=lambda _: Voicebox()(None),
        )

    assert counted == []


async def test_what_is_remembered_needs_no_place(keeping: Keeping) -> None:
    await keeping(KEY, HERE, fingerprint="text", reserve=uncounted, admit=nullcontext, speak=Voicebox())

    slots = SpeechSlots(max_queued_characters=10, retry_after=timedelta(seconds=1))
    with slots.admit(10):
        speech, _ = await keeping(
            KEY,
            HERE,
            fingerprint="text",
            reserve=uncounted,
            admit=lambda: slots.admit(1),
            speak=lambda _: Voicebox()(None),
        )

    assert speech.data == b"take 1"

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from mayfly_runtime.testing import FakeClock
from mayfly_synth.domain.errors import RequestIdReusedError
from mayfly_synth.domain.speech import AudioFormat, RequestKey, Speech
from mayfly_synth.domain.voices import Voice
from mayfly_synth.usecases.recent import RecentSpeech

VOICE = Voice(name="v", language_code="en", language="English", quality="low", sample_rate=16_000)


def key(number: int = 1, caller: str = "gateway") -> RequestKey:
    return RequestKey(caller=caller, request_id=UUID(int=number))


def speech(data: bytes = b"12345") -> Speech:
    return Speech(data=data, format=AudioFormat.WAV, voice=VOICE, duration=timedelta(1), segments=(), text="hi")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def recent(clock: FakeClock) -> RecentSpeech:
    return RecentSpeech(max_bytes=10, lifetime=timedelta(minutes=1), monotonic=clock.monotonic)


def test_what_was_spoken_is_recalled(recent: RecentSpeech) -> None:
    recent.remember(key(), "text", spoken := speech())

    assert recent.recall(key(), "text") is spoken


def test_nothing_is_recalled_of_a_new_request(recent: RecentSpeech) -> None:
    recent.remember(key(1), "text", speech())

    assert recent.recall(key(2), "text") is None


def test_another_request_with_the_same_id_is_refused(recent: RecentSpeech) -> None:
    recent.remember(key(), "text", speech())

    with pytest.raises(RequestIdReusedError) as refused:
        recent.recall(key(), "other text")
    assert refused.value.request_id == key().request_id


def test_two_callers_may_have_the_same_request_id(recent: RecentSpeech) -> None:
    recent.remember(key(), "text", speech())

    assert recent.recall(key(caller="other"), "other text") is None


def test_speech_is_forgotten_when_its_time_is_up(recent: RecentSpeech, clock: FakeClock) -> None:
    recent.remember(key(), "text", speech())
    clock.advance(timedelta(minutes=1))

    assert recent.recall(key(), "other text") is None
    assert recent.bytes == 0


def test_the_oldest_speech_is_forgotten_when_there_is_too_much(recent: RecentSpeech) -> None:
    for number in (1, 2, 3):
        recent.remember(key(number), "text", speech())

    assert recent.bytes == 10
    assert recent.recall(key(1), "text") is None
    assert recent.recall(key(2), "text") is not None
    assert recent.recall(key(3), "text") is not None


@pytest.mark.parametrize("size", [11, 1000])
def test_speech_that_is_larger_than_the_memory_is_not_remembered(recent: RecentSpeech, size: int) -> None:
    recent.remember(key(), "text", speech(bytes(size)))

    assert recent.recall(key(), "text") is None
    assert recent.bytes == 0


def test_without_memory_nothing_is_remembered(clock: FakeClock) -> None:
    recent = RecentSpeech(max_bytes=0, lifetime=timedelta(minutes=1), monotonic=clock.monotonic)
    recent.remember(key(), "text", speech())

    assert recent.recall(key(), "text") is None

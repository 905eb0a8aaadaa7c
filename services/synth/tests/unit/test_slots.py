from __future__ import annotations

from datetime import timedelta

import pytest

from mayfly_synth.domain.errors import SpeechBusyError
from mayfly_synth.engines.slots import SpeechSlots


@pytest.fixture
def slots() -> SpeechSlots:
    return SpeechSlots(max_queued_characters=100, retry_after=timedelta(seconds=3))


def test_work_is_admitted_up_to_the_bound_and_refused_beyond(slots: SpeechSlots) -> None:
    with slots.admit(60), slots.admit(40):
        with pytest.raises(SpeechBusyError) as refused:
            slots.admit(1)
        assert refused.value.retry_after == timedelta(seconds=3)
        assert slots.queued == 100


def test_one_large_text_is_refused_where_many_small_ones_are_not(slots: SpeechSlots) -> None:
    with slots.admit(50):
        with pytest.raises(SpeechBusyError):
            slots.admit(51)
        with slots.admit(1):
            assert slots.queued == 51


def test_what_is_spoken_makes_room_before_the_call_ends(slots: SpeechSlots) -> None:
    with slots.admit(100) as slot:
        slot.done(30)
        with slots.admit(30):
            assert slots.queued == 100


def test_leaving_gives_the_rest_back_and_nothing_twice(slots: SpeechSlots) -> None:
    with slots.admit(100) as slot:
        slot.done(30)
    slot.done(70)

    assert slots.queued == 0


def test_a_failed_call_gives_everything_back(slots: SpeechSlots) -> None:
    with pytest.raises(RuntimeError), slots.admit(100):
        raise RuntimeError

    assert slots.queued == 0


def test_a_stream_is_admitted_without_text_and_grows_without_asking(slots: SpeechSlots) -> None:
    with slots.admit(0) as stream, slots.admit(90):
        stream.grow(50)
        assert slots.queued == 140
        stream.done(50)
        assert slots.queued == 90


def test_a_stream_is_refused_where_the_bound_is_reached(slots: SpeechSlots) -> None:
    with slots.admit(100), pytest.raises(SpeechBusyError):
        slots.admit(0)

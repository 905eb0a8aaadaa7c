"""Characters of a stream are counted before they are spoken."""

from __future__ import annotations

from uuid import UUID

import pytest

from mayfly_synth.domain.errors import QuotaExceededError
from mayfly_synth.domain.speech import Destination, RequestKey
from mayfly_synth.testing import MemorySink
from mayfly_synth.usecases.counting import CountedAhead

KEY = RequestKey(caller="gateway", request_id=UUID(int=7))


def a_stream(sink: MemorySink, *, guest_address: str = "192.0.2.1") -> CountedAhead:
    return CountedAhead(sink=sink, key=KEY, destination=Destination(guest_address=guest_address))


async def test_the_first_sentence_is_counted_as_it_is_and_later_ones_some_characters_ahead() -> None:
    sink = MemorySink()
    counted = a_stream(sink)

    for characters in (20, 30, 400, 70, 600):
        await counted.take(characters)

    assert sink.counted == [(20, 0), (500, 0), (600, 0)]


async def test_the_first_reservation_pays_for_the_upload() -> None:
    counted = a_stream(MemorySink())

    for characters in (20, 600, 600):
        await counted.take(characters)

    assert counted.reservation == f"{KEY.request_id}/0"


async def test_a_sentence_without_room_is_not_to_be_spoken() -> None:
    sink = MemorySink(characters_left=30)
    counted = a_stream(sink)
    await counted.take(30)

    with pytest.raises(QuotaExceededError):
        await counted.take(1)


async def test_speech_for_nobody_is_not_counted() -> None:
    sink = MemorySink(characters_left=0)
    counted = a_stream(sink, guest_address="")

    await counted.take(5_000)

    assert (sink.counted, counted.reservation) == ([], "")

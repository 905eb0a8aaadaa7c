"""Moving an expiry: only of what is readable, and as one step with everything that follows from it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from mayfly_storage.domain.audio import Audio, State
from mayfly_storage.domain.errors import ObjectKeyTakenError, StateChangedError
from mayfly_storage.domain.ports import Shard

if TYPE_CHECKING:
    from datetime import datetime

    from mayfly_storage.testing import Subject

HOUR = timedelta(hours=1)
CHOSEN = {"object_key": "users/u1/recordings/r1/audio.wav", "claims_key": True, "collection": "recordings"}


async def ready(subject: Subject, **overrides: object) -> Audio:
    audio = subject.an_audio(**overrides)
    await subject.catalog.reserve(audio, None)
    return await subject.catalog.make_ready(audio.ready(etag="tag"))


async def row_of(subject: Subject, audio: Audio) -> Audio | None:
    return (await subject.catalog.get_many([audio.name])).get(audio.name)


async def due(subject: Subject, before: datetime) -> list[Audio]:
    return list((await subject.catalog.list_due(before, shard=Shard(), limit=100)).items)


@pytest.mark.parametrize("chosen", [{}, CHOSEN])
@pytest.mark.parametrize("ends", [HOUR, None])
@pytest.mark.parametrize("later", [timedelta(minutes=5), timedelta(hours=3)])
async def test_the_expiry_moves_and_nothing_else(
    subject: Subject, chosen: dict[str, object], ends: timedelta | None, later: timedelta
) -> None:
    now = subject.clock.now()
    audio = await ready(subject, expire_time=now + ends if ends else None, text="t", owner="user:u1", **chosen)

    answered = await subject.catalog.retain(audio, now + later)

    assert answered == replace(audio, expire_time=now + later)
    assert await row_of(subject, audio) == answered


async def test_the_row_is_due_at_its_new_end_and_not_before(subject: Subject) -> None:
    now = subject.clock.now()
    longer, shorter = await ready(subject, expire_time=now + HOUR), await ready(subject, expire_time=now + 5 * HOUR)
    first = await ready(subject, expire_time=None)

    kept = [
        await subject.catalog.retain(audio, now + end)
        for audio, end in ((longer, 4 * HOUR), (shorter, 2 * HOUR), (first, 3 * HOUR))
    ]

    assert await due(subject, now + HOUR) == []
    assert await due(subject, now + 4 * HOUR) == [kept[1], kept[2], kept[0]]


async def test_moving_it_there_again_answers_the_row(subject: Subject) -> None:
    audio = await ready(subject, **CHOSEN)
    end = subject.clock.now() + HOUR

    first = await subject.catalog.retain(audio, end)

    assert await subject.catalog.retain(audio, end) == first
    assert await subject.catalog.retain(first, end) == first


@pytest.mark.parametrize("chosen", [{}, CHOSEN])
async def test_another_expiry_than_the_given_one_is_left(subject: Subject, chosen: dict[str, object]) -> None:
    audio = await ready(subject, **chosen)
    moved = await subject.catalog.retain(audio, subject.clock.now() + HOUR)

    for stale in (audio, replace(audio, expire_time=None), replace(moved, attempt="another")):
        with pytest.raises(StateChangedError):
            await subject.catalog.retain(stale, subject.clock.now() + 2 * HOUR)

    assert await row_of(subject, audio) == moved


async def test_what_is_not_ready_is_left(subject: Subject) -> None:
    pending, gone = subject.an_audio(), subject.an_audio()
    await subject.catalog.reserve(pending, None)
    deleting = (await subject.catalog.begin_delete([await ready(subject)], subject.clock.now()))[0]
    assert deleting is not None

    for audio in (pending, replace(pending, state=State.READY), gone, deleting, replace(deleting, state=State.READY)):
        with pytest.raises(StateChangedError):
            await subject.catalog.retain(audio, subject.clock.now() + HOUR)

    assert await row_of(subject, pending) == pending
    assert await row_of(subject, deleting) == deleting
    assert await row_of(subject, gone) is None


async def test_of_racing_moves_one_comes_first_and_the_others_are_refused(subject: Subject) -> None:
    audio, now = await ready(subject, **CHOSEN), subject.clock.now()
    ends = [now + timedelta(minutes=number + 1) for number in range(8)]

    outcomes = await asyncio.gather(*(subject.catalog.retain(audio, end) for end in ends), return_exceptions=True)

    won = [outcome for outcome in outcomes if isinstance(outcome, Audio)]
    assert [await row_of(subject, audio)] == won
    assert all(isinstance(outcome, Audio | StateChangedError) for outcome in outcomes)


@pytest.mark.parametrize("chosen", [{}, CHOSEN])
async def test_a_sweep_that_read_the_row_before_deletes_nothing(subject: Subject, chosen: dict[str, object]) -> None:
    audio = await ready(subject, **chosen)

    moved = await subject.catalog.retain(audio, subject.clock.now() + HOUR)
    stale = await subject.catalog.begin_delete([audio], subject.clock.now())
    fresh = await subject.catalog.begin_delete([moved], subject.clock.now())

    assert stale == [None]
    assert [each.state for each in fresh if each is not None] == [State.DELETING]


async def test_of_a_move_and_a_deletion_that_race_one_wins(subject: Subject) -> None:
    audios = [await ready(subject) for _ in range(6)]
    now = subject.clock.now()

    moves = [subject.catalog.retain(audio, now + HOUR) for audio in audios]
    deletions = [subject.catalog.begin_delete([audio], now) for audio in audios]
    moved = asyncio.gather(*moves, return_exceptions=True)
    deleted = [tombstone for (tombstone,) in await asyncio.gather(*deletions)]

    for audio, kept, tombstone in zip(audios, await moved, deleted, strict=True):
        assert isinstance(kept, StateChangedError) == (tombstone is not None)
        assert await row_of(subject, audio) == (tombstone or kept)


async def test_the_key_stays_claimed(subject: Subject) -> None:
    audio = await ready(subject, **CHOSEN)

    await subject.catalog.retain(audio, subject.clock.now() + HOUR)

    assert await subject.catalog.find_by_keys([audio.object_key]) == {audio.object_key: audio.name}
    with pytest.raises(ObjectKeyTakenError):
        await subject.catalog.reserve(subject.an_audio(**CHOSEN), None)

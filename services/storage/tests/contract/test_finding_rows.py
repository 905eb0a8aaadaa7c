"""Listing and what is due: every row once, by filter, by time and by share."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from mayfly_storage.domain.audio import Audio, AudioName, State
from mayfly_storage.domain.errors import PageTokenInvalidError
from mayfly_storage.domain.ports import AudioFilter, Shard
from mayfly_storage.domain.timing import Timing

if TYPE_CHECKING:
    from datetime import datetime

    from mayfly_storage.domain.ports import AudioCatalog
    from mayfly_storage.testing import Subject

ALL = AudioFilter()
WHOLE = Shard()
TIMING = Timing()
JOT = timedelta(microseconds=1)


async def list_all(catalog: AudioCatalog, wanted: AudioFilter = ALL, *, limit: int = 100) -> list[AudioName]:
    names: list[AudioName] = []
    cursor = ""
    while True:
        page = await catalog.list_audio(wanted, limit=limit, cursor=cursor)
        assert len(page.items) <= limit
        names += [audio.name for audio in page.items]
        if not (cursor := page.cursor):
            return names


async def due(catalog: AudioCatalog, before: datetime, *, shard: Shard = WHOLE, limit: int = 100) -> list[AudioName]:
    names: list[AudioName] = []
    cursor = ""
    while True:
        page = await catalog.list_due(before, shard=shard, limit=limit, cursor=cursor)
        assert len(page.items) <= limit
        names += [audio.name for audio in page.items]
        if not (cursor := page.cursor):
            return names


async def reserve_all(subject: Subject, audios: list[Audio]) -> list[AudioName]:
    await asyncio.gather(*(subject.catalog.reserve(audio, None) for audio in audios))
    return sorted(audio.name for audio in audios)


async def test_an_empty_catalog_has_one_empty_page(subject: Subject) -> None:
    listed = await subject.catalog.list_audio(ALL, limit=10)
    due_now = await subject.catalog.list_due(subject.clock.now(), shard=WHOLE, limit=10)

    assert (listed.items, listed.cursor, due_now.items, due_now.cursor) == ((), "", (), "")


@pytest.mark.parametrize("limit", [1, 7, 23, 100])
async def test_listing_pages_through_every_row_exactly_once(subject: Subject, limit: int) -> None:
    days = [subject.clock.now() - timedelta(days=n % 3) for n in range(23)]
    states = [State.PENDING, State.READY, State.DELETING]
    audios = [
        subject.an_audio(create_time=day, state=states[n % 3], delete_time=day if n % 3 == 2 else None)
        for n, day in enumerate(days)
    ]
    names = await reserve_all(subject, audios)

    assert sorted(await list_all(subject.catalog, limit=limit)) == names


async def test_a_listed_row_is_the_whole_row(subject: Subject) -> None:
    audio = subject.an_audio(voice="v", labels={"a": "b"}, key_fields={"session_id": "s"}, owner="user:u")
    await subject.catalog.reserve(audio, None)

    listed = await subject.catalog.list_audio(ALL, limit=10)
    due_later = await subject.catalog.list_due(subject.clock.now() + timedelta(days=2), shard=WHOLE, limit=10)

    assert listed.items == (audio,)
    assert due_later.items == (audio,)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (AudioFilter(collection="recordings"), {"kept"}),
        (AudioFilter(owner="user:u-1"), {"kept", "spoken"}),
        (AudioFilter(session_id="s-1"), {"spoken", "anonymous"}),
        (AudioFilter(session_id="s-1", owner="user:u-1"), {"spoken"}),
        (AudioFilter(object_key_prefix="audio/"), {"spoken", "anonymous"}),
        (AudioFilter(object_key_prefix="audio/users/u"), {"spoken"}),
        (AudioFilter(object_key_prefix="audio/%"), set()),
        (AudioFilter(object_key_prefix="audio/", collection="recordings"), set()),
        (AudioFilter(collection="nothing-here"), set()),
        (AudioFilter(session_id="s"), set()),
    ],
    ids=lambda value: "+".join(sorted(value)) if isinstance(value, set) else str(value),
)
@pytest.mark.parametrize("limit", [1, 100])
async def test_listing_by_filter_answers_what_meets_all_of_it(
    subject: Subject, wanted: AudioFilter, expected: set[str], limit: int
) -> None:
    audios = {
        "kept": subject.an_audio(collection="recordings", object_key="users/u-1/recordings/r/a.wav", owner="user:u-1"),
        "spoken": subject.an_audio(
            object_key="audio/users/u-1/s-1/segment_000.wav", owner="user:u-1", key_fields={"session_id": "s-1"}
        ),
        "anonymous": subject.an_audio(
            object_key="audio/anonymous/s-1/segment_000.wav", key_fields={"session_id": "s-1"}
        ),
        "guest": subject.an_audio(owner="guest:0123"),
    }
    await reserve_all(subject, list(audios.values()))

    found = await list_all(subject.catalog, wanted, limit=limit)

    assert sorted(found) == sorted(audios[label].name for label in expected)


@pytest.mark.parametrize(
    "wanted",
    [
        AudioFilter(),
        AudioFilter(collection="temp-audio"),
        AudioFilter(session_id="s-1"),
        AudioFilter(session_id="s-1", collection="temp-audio"),
        AudioFilter(owner="user:u-1"),
        AudioFilter(owner="user:u-1", session_id="s-1"),
        AudioFilter(collection="temp-audio", object_key_prefix="temp-audio/"),
        AudioFilter(collection="temp-audio", date="today"),
        AudioFilter(date="today"),
    ],
    ids=repr,
)
@pytest.mark.parametrize("limit", [1, 4, 100])
async def test_ready_rows_alone_are_listed_if_they_are_asked_for(
    subject: Subject, wanted: AudioFilter, limit: int
) -> None:
    facts = {"owner": "user:u-1", "key_fields": {"session_id": "s-1"}}
    audios = [subject.an_audio(**facts) for _ in range(9)]
    await reserve_all(subject, audios)
    ready = [await subject.catalog.make_ready(audio.ready(etag="tag")) for audio in audios[:6]]
    await subject.catalog.begin_delete(ready[:3], subject.clock.now())
    wanted = replace(wanted, ready=True, date=audios[0].name.date if wanted.date else "")

    assert sorted(await list_all(subject.catalog, wanted, limit=limit)) == sorted(audio.name for audio in ready[3:])


async def test_a_cursor_of_rows_in_any_state_leads_to_ready_ones_too(subject: Subject) -> None:
    """As one that was given out before an upgrade, by a replica that asked so."""
    audios = [subject.an_audio(state=State.READY) for _ in range(5)]
    names = await reserve_all(subject, audios)
    wanted = AudioFilter(date=names[0].date)
    first = await subject.catalog.list_audio(wanted, limit=2)

    rest = await subject.catalog.list_audio(replace(wanted, ready=True), limit=10, cursor=first.cursor)

    assert sorted(audio.name for audio in (*first.items, *rest.items)) == names


async def test_listing_by_day_answers_that_day_only(subject: Subject) -> None:
    today = [subject.an_audio() for _ in range(3)]
    yesterday = [subject.an_audio(create_time=subject.clock.now() - timedelta(days=1)) for _ in range(3)]
    await reserve_all(subject, today + yesterday)

    found = await list_all(subject.catalog, AudioFilter(date=yesterday[0].name.date), limit=2)

    assert sorted(found) == sorted(audio.name for audio in yesterday)


async def test_a_deleted_persons_audio_is_not_listed_as_theirs(subject: Subject) -> None:
    audio = subject.an_audio(owner="user:u-1")
    await subject.catalog.reserve(audio, None)
    await subject.catalog.begin_delete([audio], subject.clock.now())

    assert await list_all(subject.catalog, AudioFilter(owner="user:u-1")) == []
    assert await list_all(subject.catalog) == [audio.name]


@pytest.mark.parametrize("cursor", ["nonsense", "e30", "AAAA", "é", "eyJ4IjogMX0="])
async def test_a_foreign_cursor_is_refused(subject: Subject, cursor: str) -> None:
    await subject.catalog.reserve(subject.an_audio(), None)

    with pytest.raises(PageTokenInvalidError):
        await subject.catalog.list_audio(ALL, limit=10, cursor=cursor)
    with pytest.raises(PageTokenInvalidError):
        await subject.catalog.list_due(subject.clock.now(), shard=WHOLE, limit=10, cursor=cursor)


async def test_an_uncommitted_upload_is_due_after_its_grace(subject: Subject) -> None:
    audio = subject.an_audio()
    await subject.catalog.reserve(audio, None)

    await _assert_due_from(subject, audio, audio.upload_deadline + TIMING.pending_grace)


async def test_a_ready_audio_is_due_when_it_expires(subject: Subject) -> None:
    audio = subject.an_audio(expire_time=subject.clock.now() + timedelta(days=3, microseconds=5))
    await subject.catalog.reserve(audio, None)
    await subject.catalog.make_ready(audio.ready(etag="tag"))

    assert audio.expire_time is not None
    await _assert_due_from(subject, audio, audio.expire_time)


async def test_a_kept_audio_is_never_due(subject: Subject) -> None:
    audio = subject.an_audio(expire_time=None)
    await subject.catalog.reserve(audio, None)
    await subject.catalog.make_ready(audio.ready(etag="tag"))

    assert await due(subject.catalog, subject.clock.now() + timedelta(days=36_500)) == []


async def test_a_tombstone_is_due_at_once(subject: Subject) -> None:
    audio = subject.an_audio()
    await subject.catalog.reserve(audio, None)
    now = subject.clock.advance(timedelta(seconds=5))
    await subject.catalog.begin_delete([audio], now)

    await _assert_due_from(subject, audio, now)


async def test_a_tombstone_whose_bytes_are_gone_is_due_when_no_late_put_can_land(subject: Subject) -> None:
    audio = subject.an_audio()
    await subject.catalog.reserve(audio, None)
    await subject.catalog.mark_bytes_gone(
        [a for a in await subject.catalog.begin_delete([audio], subject.clock.now()) if a]
    )

    await _assert_due_from(subject, audio, audio.upload_deadline + TIMING.late_put_bound)


async def _assert_due_from(subject: Subject, audio: Audio, time: datetime) -> None:
    assert await due(subject.catalog, time - JOT) == []
    assert await due(subject.catalog, time) == [audio.name]


async def test_a_removed_row_is_not_due(subject: Subject) -> None:
    audio = subject.an_audio()
    await subject.catalog.reserve(audio, None)
    await subject.catalog.remove([a for a in await subject.catalog.begin_delete([audio], subject.clock.now()) if a])

    assert await due(subject.catalog, subject.clock.now() + timedelta(days=1)) == []


@pytest.mark.parametrize("limit", [1, 7, 100])
async def test_pages_of_due_rows_hold_each_exactly_once(subject: Subject, limit: int) -> None:
    # Many rows share one due time, which must not make the cursor skip or repeat any.
    created = [subject.clock.now() - timedelta(days=n % 3) for n in range(22)]
    names = await reserve_all(subject, [subject.an_audio(create_time=time) for time in created])
    await reserve_all(subject, [subject.an_audio(create_time=subject.clock.now() + timedelta(hours=1))])

    found = await due(subject.catalog, subject.clock.now() + timedelta(minutes=7), limit=limit)

    assert sorted(found) == names


async def test_the_shares_of_the_work_hold_each_due_row_exactly_once(subject: Subject) -> None:
    names = await reserve_all(subject, [subject.an_audio() for _ in range(40)])
    soon = subject.clock.now() + timedelta(hours=1)

    shares = [await due(subject.catalog, soon, shard=Shard(index=n, count=3), limit=7) for n in range(3)]

    assert sorted(name for share in shares for name in share) == names
    assert all(Shard(index=n, count=3).holds(name.audio_id) for n, share in enumerate(shares) for name in share)


async def test_a_sweep_that_deletes_while_it_pages_sees_each_due_row(subject: Subject) -> None:
    names = await reserve_all(subject, [subject.an_audio() for _ in range(20)])
    soon = subject.clock.advance(timedelta(hours=1))
    seen: list[AudioName] = []
    cursor = ""
    while True:
        page = await subject.catalog.list_due(soon, shard=WHOLE, limit=6, cursor=cursor)
        seen += [audio.name for audio in page.items]
        pending = [audio for audio in page.items if audio.state is State.PENDING]
        tombstones = [a for a in await subject.catalog.begin_delete(pending, soon) if a]
        await subject.catalog.remove(tombstones)
        if not (cursor := page.cursor):
            break

    assert sorted(set(seen)) == names
    assert await list_all(subject.catalog) == []


async def test_a_working_catalog_passes_its_check(subject: Subject) -> None:
    assert await subject.catalog.check() is None  # type: ignore[func-returns-value]

"""The index of owners: a cost that follows what is owned, and nothing missed while the index lags."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from mayfly_storage.backends.aws.cursors import CursorFormat, scope_of
from mayfly_storage.backends.aws.owned import LAG
from mayfly_storage.domain.audio import AudioName, Location, State
from mayfly_storage.domain.errors import PageTokenInvalidError
from mayfly_storage.domain.ports import AudioFilter
from mayfly_storage.domain.uploads import Subject
from mayfly_storage.testing import a_request, an_audio
from mayfly_storage.testing.worlds import a_world
from mayfly_storage.usecases.assembly import StorageUseCases

if TYPE_CHECKING:
    from mayfly_runtime.testing import FakeClock
    from mayfly_storage.backends.aws.clients import Clients
    from mayfly_storage.backends.aws.options import AwsOptions
    from mayfly_storage.backends.aws.testing import Wire
    from mayfly_storage.domain.audio import Audio
    from mayfly_storage.domain.stores import Backend

ANNA = "user:anna"
HERS = AudioFilter(owner=ANNA)
OLD = 2 * LAG


async def reserve(backend: Backend, clock: FakeClock, count: int, *, age: timedelta, owner: str = ANNA) -> list[Audio]:
    made = [an_audio(create_time=clock.now() - age, location=Location.S3, owner=owner) for _ in range(count)]
    for audio in made:
        await backend.catalog.reserve(audio, a_request(audio))
    return made


async def names(backend: Backend, wanted: AudioFilter = HERS, *, limit: int = 100) -> list[AudioName]:
    found: list[AudioName] = []
    cursor = ""
    while True:
        page = await backend.catalog.list_audio(wanted, limit=limit, cursor=cursor)
        assert len(page.items) <= limit
        found += [audio.name for audio in page.items]
        if not (cursor := page.cursor):
            return found


@pytest.mark.parametrize("stored", [3, 60])
async def test_finding_costs_what_is_owned_not_what_is_stored(
    backend: Backend, clock: FakeClock, wire: Wire, stored: int
) -> None:
    await reserve(backend, clock, stored, age=OLD, owner="user:otto")
    await reserve(backend, clock, stored, age=timedelta(), owner="user:otto")
    hers = await reserve(backend, clock, 4, age=OLD)
    wire.forget()

    found = await names(backend)

    assert sorted(found) == sorted(audio.name for audio in hers)
    assert wire.counts == Counter({"Query": 2, "BatchGetItem": 1})


async def test_what_is_owned_costs_a_read_for_each_hundred_rows(backend: Backend, clock: FakeClock, wire: Wire) -> None:
    hers = await reserve(backend, clock, 150, age=OLD)
    wire.forget()

    found = await names(backend, limit=500)

    assert sorted(found) == sorted(audio.name for audio in hers)
    assert wire.counts == Counter({"Query": 2, "BatchGetItem": 2})


async def test_who_owns_nothing_costs_two_requests(backend: Backend, clock: FakeClock, wire: Wire) -> None:
    await reserve(backend, clock, 5, age=timedelta(), owner="user:otto")
    wire.forget()

    assert await names(backend) == []
    assert wire.counts == Counter({"Query": 2})


async def test_a_day_that_is_over_is_asked_of_the_index_alone(backend: Backend, clock: FakeClock, wire: Wire) -> None:
    hers = await reserve(backend, clock, 2, age=timedelta(days=3))
    await reserve(backend, clock, 2, age=timedelta(days=4))
    wire.forget()

    found = await names(backend, replace(HERS, date=hers[0].name.date))

    assert sorted(found) == sorted(audio.name for audio in hers)
    assert wire.counts == Counter({"Query": 1, "BatchGetItem": 1})


@pytest.mark.parametrize("age", [timedelta(), LAG / 2, LAG - timedelta(seconds=1)])
async def test_new_audio_is_found_while_the_index_lags(
    backend: Backend, clock: FakeClock, wire: Wire, age: timedelta
) -> None:
    hers = await reserve(backend, clock, 3, age=age)
    await reserve(backend, clock, 1, age=age, owner="user:otto")
    wire.empty_index("owner", times=9)

    assert sorted(await names(backend, limit=2)) == sorted(audio.name for audio in hers)


@pytest.mark.parametrize("limit", [1, 2, 7, 100])
async def test_young_and_old_audio_is_each_found_once(backend: Backend, clock: FakeClock, limit: int) -> None:
    hers = [audio for age in (timedelta(), LAG, OLD, 30 * OLD) for audio in await reserve(backend, clock, 4, age=age)]

    found = await names(backend, limit=limit)

    assert len(found) == len(set(found))
    assert set(found) == {audio.name for audio in hers}


async def test_pages_hold_their_line_while_time_goes_on(backend: Backend, clock: FakeClock) -> None:
    """What is young on the first page, and older than the lag on the second, is neither lost nor told twice."""
    hers = await reserve(backend, clock, 6, age=LAG - timedelta(seconds=5))
    first = await backend.catalog.list_audio(HERS, limit=3)
    clock.advance(timedelta(minutes=1))

    rest: list[AudioName] = []
    cursor = first.cursor
    while cursor:
        page = await backend.catalog.list_audio(HERS, limit=3, cursor=cursor)
        rest += [audio.name for audio in page.items]
        cursor = page.cursor

    assert sorted([*(audio.name for audio in first.items), *rest]) == sorted(audio.name for audio in hers)


async def test_what_the_index_still_holds_of_a_deleted_audio_is_not_told(
    backend: Backend, clock: FakeClock, wire: Wire
) -> None:
    [gone, kept] = await reserve(backend, clock, 2, age=OLD)
    await backend.catalog.begin_delete([gone], clock.now())
    stale = [
        {"owner": {"S": ANNA}, "date": {"S": a.name.date}, "audio_id": {"S": a.name.audio_id}} for a in (gone, kept)
    ]
    wire.stand_in("Query", lambda _: None)  # the notes
    wire.answer("Query", 200, {"Items": stale, "Count": 2, "ScannedCount": 2})

    assert await names(backend) == [kept.name]


async def test_the_index_empties_with_the_first_step_of_a_deletion(
    backend: Backend, clock: FakeClock, raw: Clients, options: AwsOptions
) -> None:
    hers = await reserve(backend, clock, 3, age=OLD)

    await backend.catalog.begin_delete(hers, clock.now())

    there = raw.dynamodb.scan(TableName=options.table, IndexName="owner")
    assert there["Items"] == []


async def test_a_note_names_nobody_and_goes_by_itself(
    backend: Backend, clock: FakeClock, raw: Clients, options: AwsOptions
) -> None:
    await reserve(backend, clock, 1, age=timedelta())

    items = raw.dynamodb.scan(TableName=options.table)["Items"]

    [note] = [item for item in items if item["date"]["S"].startswith("own#")]
    assert note.keys() == {"date", "audio_id", "ttl"}
    assert "anna" not in str(note)
    assert clock.now() + LAG < clock.now().fromtimestamp(int(note["ttl"]["N"]), tz=clock.now().tzinfo)


async def test_audio_of_nobody_leaves_no_note(
    backend: Backend, clock: FakeClock, raw: Clients, options: AwsOptions
) -> None:
    await reserve(backend, clock, 1, age=timedelta(), owner="")

    items = raw.dynamodb.scan(TableName=options.table)["Items"]

    assert not [item for item in items if item["date"]["S"].startswith("own#")]


@pytest.mark.parametrize(
    "places",
    [
        {},
        {"row": ["2026-01-15", "x"]},
        {"note": ["2026-01-15T06:30:00.000000Z"]},
        {"index": []},
        {"index": ["2026-01-15T06:30:00.000000Z", "2026-01-15"]},
        {"note": ["2026-01-15T06:30:00.000000Z", "x"], "index": ["2026-01-15T06:30:00.000000Z"]},
    ],
)
async def test_a_cursor_that_is_not_of_this_listing_is_refused(backend: Backend, places: dict[str, list[str]]) -> None:
    cursor = CursorFormat("owned", scope_of(HERS)).encode(places)

    with pytest.raises(PageTokenInvalidError):
        await backend.catalog.list_audio(HERS, limit=10, cursor=cursor)


async def test_a_cursor_of_another_owner_is_refused(backend: Backend, clock: FakeClock) -> None:
    await reserve(backend, clock, 3, age=OLD)
    page = await backend.catalog.list_audio(HERS, limit=1)

    with pytest.raises(PageTokenInvalidError):
        await backend.catalog.list_audio(AudioFilter(owner="user:otto"), limit=1, cursor=page.cursor)


async def test_forgetting_costs_what_is_owned_and_misses_nothing_while_the_index_lags(
    backend: Backend, clock: FakeClock, wire: Wire
) -> None:
    storage = StorageUseCases.over(a_world(backend, clock.now))
    hers = await reserve(backend, clock, 3, age=timedelta(minutes=1))
    others = await reserve(backend, clock, 40, age=timedelta(minutes=1), owner="user:otto")
    wire.empty_index("owner", times=9)
    wire.forget()

    forgotten = await storage.forget_subject(Subject(user_id="anna"))

    assert wire.counts == Counter(
        {"Query": 2, "BatchGetItem": 2, "TransactWriteItems": 2, "HeadObject": 3, "DeleteObjects": 1}
    )
    assert sorted(forgotten.deleted) == sorted(audio.name for audio in hers)
    rows = await backend.catalog.get_many([audio.name for audio in (*hers, *others)])
    assert {rows[audio.name].state for audio in others} == {State.PENDING}

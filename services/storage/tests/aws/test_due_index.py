"""The index of due rows: in order over all buckets, and at a cost that follows what is due."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from mayfly_storage.backends.aws.cursors import CursorFormat
from mayfly_storage.domain.audio import AudioName, Location
from mayfly_storage.domain.errors import PageTokenInvalidError
from mayfly_storage.domain.ports import Shard
from mayfly_storage.testing import an_audio

if TYPE_CHECKING:
    from datetime import datetime

    from mayfly_runtime.testing import FakeClock
    from mayfly_storage.backends.aws.testing import Wire
    from mayfly_storage.domain.stores import Backend

WHOLE = Shard()


async def reserve(backend: Backend, *created: datetime) -> list[AudioName]:
    audios = [an_audio(create_time=time, location=Location.S3) for time in created]
    for audio in audios:
        await backend.catalog.reserve(audio, None)
    return [audio.name for audio in audios]


@pytest.mark.parametrize("limit", [1, 5, 12, 40, 1000])
async def test_what_is_due_longest_comes_first_whatever_bucket_it_is_in(
    backend: Backend, clock: FakeClock, limit: int
) -> None:
    begin = clock.now() - timedelta(days=3)
    expected = await reserve(backend, *(begin + timedelta(minutes=n) for n in range(40)))

    names: list[AudioName] = []
    cursor = ""
    while True:
        page = await backend.catalog.list_due(clock.now(), shard=WHOLE, limit=limit, cursor=cursor)
        names += [audio.name for audio in page.items]
        if not (cursor := page.cursor):
            break

    assert names == expected


async def test_a_page_is_full_and_costs_a_request_for_each_bucket(
    backend: Backend, clock: FakeClock, wire: Wire
) -> None:
    await reserve(backend, *(clock.now() - timedelta(days=1, minutes=n) for n in range(60)))
    wire.forget()

    page = await backend.catalog.list_due(clock.now(), shard=WHOLE, limit=40)

    assert len(page.items) == 40
    assert wire.counts["Query"] == wire.counts.total() == 4


async def test_what_is_stored_and_not_due_costs_nothing(backend: Backend, clock: FakeClock, wire: Wire) -> None:
    await reserve(backend, *(clock.now() + timedelta(minutes=n) for n in range(30)))
    wire.forget()

    page = await backend.catalog.list_due(clock.now(), shard=WHOLE, limit=1000)

    assert (page.items, page.cursor, wire.counts["Query"]) == ((), "", 4)


@pytest.mark.parametrize(
    ("kind", "scope", "places"),
    [
        ("due", "0/1", {}),
        ("due", "0/1", {"due#9": []}),
        ("due", "0/1", {"due#0": ["2026-01-15T06:30:00.000000Z"]}),
        ("due", "0/1", {"due#0": ["", "", ""]}),
        ("due", "1/2", {"due#0": []}),
        ("rows", "0/1", {"due#0": []}),
    ],
)
async def test_a_cursor_that_is_not_of_this_listing_is_refused(
    backend: Backend, clock: FakeClock, kind: str, scope: str, places: dict[str, list[str]]
) -> None:
    cursor = CursorFormat(kind, scope).encode(places)

    with pytest.raises(PageTokenInvalidError):
        await backend.catalog.list_due(clock.now(), shard=WHOLE, limit=10, cursor=cursor)

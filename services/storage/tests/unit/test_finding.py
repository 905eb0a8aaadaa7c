"""ListExpired and ListOrphans: what has to go."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from mayfly_storage.domain.errors import CollectionUnknownError, PageTokenInvalidError
from mayfly_storage.domain.ports import BlobFacts, Shard
from mayfly_storage.domain.retention import DueItem, DueReason
from mayfly_storage.domain.uploads import Subject
from mayfly_storage.testing import DAWN, SOUND

if TYPE_CHECKING:
    from datetime import datetime

    from mayfly_storage.domain.audio import Audio
    from mayfly_storage.testing.stage import Stage

HOUR = timedelta(hours=1)
ORPHAN_GRACE = timedelta(minutes=30)
ORPHAN_KEY = "temp-audio/2026-01-15/f47ac10b-58cc-4372-a567-0e02b2c3d479.wav"
CHOSEN = {"collection": "recordings", "key_fields": {"recording_id": "r1"}, "subject": Subject(user_id="u1")}


async def expired(
    stage: Stage, *, collection: str = "", before: datetime | None = None, shard: Shard | None = None
) -> list[DueItem]:
    page = await stage.retention.list_expired(
        collection=collection, before=before, shard=shard or Shard(), limit=100, cursor=""
    )
    return list(page.items)


async def orphans(stage: Stage, *, collection: str = "", shard: Shard | None = None, limit: int = 100) -> list[DueItem]:
    found: list[DueItem] = []
    cursor = ""
    for _ in range(100):
        page = await stage.retention.list_orphans(
            collection=collection, shard=shard or Shard(), limit=limit, cursor=cursor
        )
        assert page.store_time == stage.clock.now()
        found += page.items
        cursor = page.cursor
        if not cursor:
            return found
    raise AssertionError("the listing has no end")


def drop(stage: Stage, key: str, body: bytes = SOUND) -> None:
    """An object that came from nowhere."""
    sha256 = hashlib.sha256(body).digest()
    facts = BlobFacts(content_type="audio/wav", size_bytes=len(body), sha256=sha256, attempt="x")
    stage.memory.blobs.put(key, body, facts)


async def test_what_is_due_is_found_with_its_reason(stage: Stage) -> None:
    gone = await stage.saved(ttl=HOUR)
    never_committed = await stage.put()
    unfinished = await stage.saved()
    stage.memory.blobs.stuck.add(unfinished.object_key)
    await stage.storage.delete_audio(unfinished.name)
    await stage.saved()
    stage.clock.advance(HOUR)

    found = {item.name: item.reason for item in await expired(stage)}

    assert found == {
        gone.name: DueReason.EXPIRED,
        never_committed.name: DueReason.ABANDONED,
        unfinished.name: DueReason.UNFINISHED,
    }


async def test_a_page_tells_the_stores_own_clock(stage: Stage) -> None:
    page = await stage.retention.list_expired(collection="", before=None, shard=Shard(), limit=1, cursor="")

    assert (page.store_time, page.items, page.cursor) == (DAWN, (), "")


async def test_due_rows_of_one_collection_can_be_asked_for(stage: Stage) -> None:
    await stage.saved(ttl=HOUR)
    pitch = await stage.saved(ttl=HOUR, collection="pitches", key_fields={"pitch_id": "p1"})
    stage.clock.advance(HOUR)

    assert [item.name for item in await expired(stage, collection="pitches")] == [pitch.name]
    with pytest.raises(CollectionUnknownError):
        await expired(stage, collection="nope")


@pytest.mark.parametrize(("before", "found"), [(timedelta(minutes=59), 0), (HOUR, 1), (timedelta(days=9), 1)])
async def test_an_earlier_time_can_be_asked_for_and_never_a_later_one(
    stage: Stage, before: timedelta, found: int
) -> None:
    await stage.saved(ttl=HOUR)
    await stage.saved(ttl=2 * HOUR)
    stage.clock.advance(HOUR)

    assert len(await expired(stage, before=DAWN + before)) == found


async def test_shards_share_due_rows_among_them(stage: Stage) -> None:
    names = {(await stage.saved(ttl=HOUR)).name for _ in range(8)}
    stage.clock.advance(HOUR)

    shares = [await expired(stage, shard=Shard(index=index, count=3)) for index in range(3)]

    assert sorted(item.name for share in shares for item in share if item.name) == sorted(names)


async def test_an_object_without_a_row_is_an_orphan_once_it_is_old_enough(stage: Stage) -> None:
    drop(stage, ORPHAN_KEY)
    await stage.saved()
    assert await orphans(stage) == []

    stage.clock.advance(ORPHAN_GRACE)

    [item] = await orphans(stage)
    assert (item.name, item.object_key, item.reason) == (None, ORPHAN_KEY, DueReason.ORPHAN_OBJECT)
    assert (item.collection, item.size_bytes, item.due_time) == ("temp-audio", len(SOUND), DAWN + ORPHAN_GRACE)
    assert item.etag


async def test_objects_of_live_and_of_deleted_rows_are_no_orphans(stage: Stage) -> None:
    await stage.saved()
    await stage.saved(**CHOSEN)
    await stage.put()
    deleting = await stage.saved()
    stage.memory.blobs.stuck.add(deleting.object_key)
    await stage.storage.delete_audio(deleting.name)
    stage.clock.advance(ORPHAN_GRACE)

    assert await orphans(stage) == []


async def test_foreign_objects_are_nobodys_business(stage: Stage) -> None:
    drop(stage, "temp-audio/README")
    drop(stage, "somebody/else.wav")
    stage.clock.advance(ORPHAN_GRACE)

    assert await orphans(stage) == []


async def test_an_object_at_a_chosen_key_that_nobody_holds_is_an_orphan(stage: Stage) -> None:
    key = "users/u1/recordings/r9/audio.wav"
    drop(stage, key)
    stage.clock.advance(ORPHAN_GRACE)

    assert [item.object_key for item in await orphans(stage)] == [key]


async def test_a_key_that_names_a_row_of_another_key_is_an_orphan(stage: Stage) -> None:
    audio = await stage.saved()
    twin = audio.object_key.replace(".wav", ".mp3")
    drop(stage, twin)
    stage.clock.advance(ORPHAN_GRACE)

    assert [item.object_key for item in await orphans(stage)] == [twin]


async def test_a_readable_row_without_its_object_is_reported(stage: Stage) -> None:
    audio = await stage.saved()
    await stage.saved()
    del stage.memory.blobs.objects[audio.object_key]

    [item] = await orphans(stage)

    assert (item.name, item.reason) == (audio.name, DueReason.DANGLING_ROW)


async def test_a_row_that_is_deleted_while_it_is_looked_at_is_not_reported(stage: Stage) -> None:
    audio = await stage.saved()
    del stage.memory.blobs.objects[audio.object_key]

    async def delete() -> None:
        await stage.storage.delete_audio(audio.name)

    stage.blobs.before["present"] = delete

    assert await orphans(stage) == []


async def test_pages_of_one_see_everything_once(stage: Stage) -> None:
    drop(stage, ORPHAN_KEY)
    drop(stage, "users/u1/recordings/r9/audio.wav")
    audios = [await stage.saved(), await stage.saved(**CHOSEN)]
    stage.clock.advance(ORPHAN_GRACE)
    for audio in audios:
        del stage.memory.blobs.objects[audio.object_key]

    found = await orphans(stage, limit=1)

    assert len(found) == len({(item.name, item.object_key) for item in found}) == 4


async def test_orphans_of_one_collection_can_be_asked_for(stage: Stage) -> None:
    drop(stage, ORPHAN_KEY)
    drop(stage, "users/u1/recordings/r9/audio.wav")
    dangling = await stage.saved()
    stage.clock.advance(ORPHAN_GRACE)
    del stage.memory.blobs.objects[dangling.object_key]

    assert [item.collection for item in await orphans(stage, collection="recordings")] == ["recordings"]
    with pytest.raises(CollectionUnknownError):
        await orphans(stage, collection="nope")


async def test_shards_share_orphans_and_dangling_rows_among_them(stage: Stage) -> None:
    audios: list[Audio] = [await stage.saved() for _ in range(6)]
    for number in range(6):
        drop(stage, f"users/u1/recordings/r{number}/audio.wav")
    stage.clock.advance(ORPHAN_GRACE)
    for audio in audios:
        del stage.memory.blobs.objects[audio.object_key]

    shares = [await orphans(stage, shard=Shard(index=index, count=3)) for index in range(3)]

    found = [(item.name, item.object_key) for share in shares for item in share]
    assert len(found) == len(set(found)) == 12


@pytest.mark.parametrize(
    "cursor",
    ["foreign", "{}", "5", '["LOCAL"]', '["S3", "temp-audio/", ""]', '["LOCAL", "other/", ""]', "[[], [], []]"],
)
async def test_a_foreign_cursor_is_refused(stage: Stage, cursor: str) -> None:
    with pytest.raises(PageTokenInvalidError):
        await stage.retention.list_orphans(collection="", shard=Shard(), limit=1, cursor=cursor)

"""VerifyGone: the stores themselves say what is gone, and what time it is there."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from mayfly_storage.domain.ports import Shard
from mayfly_storage.domain.retention import Verdict
from mayfly_storage.domain.uploads import Subject
from mayfly_storage.testing import DAWN, an_audio
from mayfly_storage.testing.purging import item_of, orphan, purge

if TYPE_CHECKING:
    from datetime import datetime

    from mayfly_storage.testing.stage import Stage


HOUR = timedelta(hours=1)
KEY = "temp-audio/2026-01-15/f47ac10b-58cc-4372-a567-0e02b2c3d479.wav"
CHOSEN = {"collection": "recordings", "key_fields": {"recording_id": "r1"}, "subject": Subject(user_id="u1")}


async def test_the_stores_themselves_say_what_is_gone(stage: Stage) -> None:
    deleted, readable = await stage.saved(ttl=HOUR), await stage.saved()
    items = [
        item_of(stage, deleted),
        item_of(stage, readable),
        orphan(stage.memory.blobs, KEY),
        item_of(stage, an_audio()),
    ]
    await stage.storage.delete_audio(deleted.name)

    verdicts = await stage.retention.verify_gone(items)

    assert verdicts == [
        Verdict(object_gone=True, row_gone=True),
        Verdict(object_gone=False, row_gone=False),
        Verdict(object_gone=False, row_gone=True),
        Verdict(object_gone=True, row_gone=True),
    ]


async def test_a_key_that_has_another_owner_by_now_is_no_proof_that_the_audio_is_there(stage: Stage) -> None:
    """Somebody saves again at once, between the sweep's deletion and its verification."""
    deleted = await stage.saved(**CHOSEN)
    item = item_of(stage, deleted)
    await stage.storage.delete_audio(deleted.name)
    stage.clock.advance(HOUR)
    await purge(stage, item_of(stage, deleted))
    again = await stage.saved(**CHOSEN)

    verdicts = await stage.retention.verify_gone([item, item_of(stage, again)])

    assert verdicts == [Verdict(object_gone=True, row_gone=True), Verdict(object_gone=False, row_gone=False)]


async def test_an_audio_that_is_named_without_its_key_is_looked_for_all_the_same(stage: Stage) -> None:
    readable, deleted = await stage.saved(), await stage.saved(**CHOSEN)
    items = [replace(item_of(stage, audio), object_key="") for audio in (readable, deleted)]
    await stage.storage.delete_audio(deleted.name)
    await stage.saved(**CHOSEN)

    verdicts = await stage.retention.verify_gone(items)

    assert verdicts == [Verdict(object_gone=False, row_gone=False), Verdict(object_gone=True, row_gone=True)]


async def test_nothing_to_verify_asks_no_store(stage: Stage) -> None:
    stage.memory.blobs.failure = AssertionError("the store was asked")

    assert await stage.retention.verify_gone([]) == []


async def test_the_stores_clock_can_be_read(stage: Stage) -> None:
    assert await stage.retention.read_store_time() == DAWN


async def test_the_stores_clock_is_not_asked_for_each_batch(stage: Stage) -> None:
    """It is as far from ours as it was a minute ago; the first page of a listing asks again."""
    asked: list[datetime] = []

    async def ahead() -> datetime:
        asked.append(stage.clock.now())
        return stage.clock.now() + HOUR

    for seconds in (0, 59, 1):
        stage.clock.advance(seconds)
        stage.blobs.instead["store_time"] = ahead
        assert await stage.retention.read_store_time() == stage.clock.now() + HOUR
    stage.blobs.instead["store_time"] = ahead
    page = await stage.retention.list_expired(collection="", before=None, shard=Shard(), limit=1, cursor="")

    assert page.store_time == stage.clock.now() + HOUR
    assert [when - DAWN for when in asked] == [timedelta(0), *[timedelta(minutes=1)] * 2]

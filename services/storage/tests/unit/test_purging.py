"""PurgeAudio: the sweeper names items, storage decides."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from mayfly_storage.domain.ports import Shard
from mayfly_storage.domain.retention import DueReason, PurgeOutcome, PurgeResult
from mayfly_storage.domain.uploads import Subject
from mayfly_storage.testing import SOUND, an_audio
from mayfly_storage.testing.purging import item_of, orphan, purge

if TYPE_CHECKING:
    from mayfly_storage.testing.stage import Stage

HOUR = timedelta(hours=1)
KEY = "temp-audio/2026-01-15/f47ac10b-58cc-4372-a567-0e02b2c3d479.wav"
CHOSEN = {"collection": "recordings", "key_fields": {"recording_id": "r1"}, "subject": Subject(user_id="u1")}


async def test_an_expired_audio_is_deleted(stage: Stage) -> None:
    audio = await stage.saved(ttl=HOUR)
    stage.clock.advance(HOUR)

    [result] = await purge(stage, item_of(stage, audio))

    assert result == PurgeResult(outcome=PurgeOutcome.DELETED, size_bytes=len(SOUND))
    assert stage.row(audio) is None
    assert not stage.lies(audio)


async def test_a_young_tombstone_stays_and_goes_with_a_later_sweep(stage: Stage) -> None:
    audio = await stage.saved(ttl=timedelta(minutes=1))
    stage.clock.advance(timedelta(minutes=1))

    [first] = await purge(stage, item_of(stage, audio))
    assert first == PurgeResult(outcome=PurgeOutcome.DELETED, size_bytes=len(SOUND), tombstone_kept=True)

    [too_early] = await purge(stage, item_of(stage, audio))
    assert too_early.outcome is PurgeOutcome.SKIPPED

    stage.clock.advance(HOUR)
    [later] = await purge(stage, item_of(stage, audio))
    assert later == PurgeResult(outcome=PurgeOutcome.ALREADY_GONE)
    assert stage.row(audio) is None


@pytest.mark.parametrize("wish", [{}, CHOSEN])
async def test_what_a_caller_had_deleted_is_certified_by_name(stage: Stage, wish: dict[str, Any]) -> None:
    """Its key may be another's by then, which nobody takes for what was deleted."""
    audio = await stage.saved(**wish)
    stage.clock.advance(timedelta(hours=1))
    await stage.storage.delete_audio(audio.name)
    if wish:
        await stage.saved(**wish)

    page = await stage.retention.list_expired(collection="", before=None, shard=Shard(), limit=9, cursor="")
    [result] = await purge(stage, *page.items)
    [verdict] = await stage.retention.verify_gone(page.items)

    assert [(item.name, item.reason) for item in page.items] == [(audio.name, DueReason.REQUESTED)]
    assert (result.outcome, result.size_bytes) == (PurgeOutcome.DELETED, audio.size_bytes)
    assert (verdict.object_gone, verdict.row_gone) == (True, True)
    assert stage.row(audio) is None


async def test_an_upload_that_was_never_committed_is_deleted(stage: Stage) -> None:
    audio = await stage.put()
    stage.clock.advance(timedelta(minutes=7))

    [result] = await purge(stage, item_of(stage, audio))

    assert result.outcome is PurgeOutcome.DELETED
    assert not stage.lies(audio)


async def test_what_is_live_is_skipped(stage: Stage) -> None:
    ready, pending = await stage.saved(), await stage.put()

    results = await purge(stage, item_of(stage, ready), item_of(stage, pending))

    assert [result.outcome for result in results] == [PurgeOutcome.SKIPPED, PurgeOutcome.SKIPPED]
    assert all(result.message for result in results)
    assert stage.lies(ready)
    assert stage.lies(pending)


async def test_what_is_gone_is_said_to_be_gone(stage: Stage) -> None:
    [result] = await purge(stage, item_of(stage, an_audio()))

    assert result == PurgeResult(outcome=PurgeOutcome.ALREADY_GONE)


async def test_a_commit_in_the_last_moment_saves_the_audio(stage: Stage) -> None:
    audio = await stage.put()
    stage.clock.advance(timedelta(minutes=7))

    async def commit() -> None:
        await stage.storage.commit_upload(audio.name, audio.attempt)

    stage.catalog.before["begin_delete"] = commit

    [result] = await purge(stage, item_of(stage, audio))

    assert result.outcome is PurgeOutcome.SKIPPED
    assert await stage.storage.get_audio(audio.name)


async def test_what_cannot_be_deleted_now_is_told_and_comes_again(stage: Stage) -> None:
    audio = await stage.saved(ttl=HOUR)
    stage.memory.blobs.stuck.add(audio.object_key)
    stage.clock.advance(HOUR)

    [result] = await purge(stage, item_of(stage, audio))

    assert result.outcome is PurgeOutcome.FAILED
    assert "next sweep" in result.message
    page = await stage.retention.list_expired(collection="", before=None, shard=Shard(), limit=9, cursor="")
    assert [item.name for item in page.items] == [audio.name]


async def test_a_rehearsal_decides_and_deletes_nothing(stage: Stage) -> None:
    due, live = await stage.saved(ttl=HOUR), await stage.saved()
    lost = orphan(stage.memory.blobs, KEY)
    stage.clock.advance(HOUR)

    results = await purge(stage, item_of(stage, due), item_of(stage, live), lost, validate_only=True)

    assert [result.outcome for result in results] == [
        PurgeOutcome.DELETED,
        PurgeOutcome.SKIPPED,
        PurgeOutcome.DELETED,
    ]
    assert len(stage.memory.blobs.objects) == 3


async def test_one_name_twice_is_deleted_once(stage: Stage) -> None:
    audio = await stage.saved(ttl=HOUR)
    stage.clock.advance(HOUR)
    item = item_of(stage, audio)

    assert [result.outcome for result in await purge(stage, item, item)] == [PurgeOutcome.DELETED] * 2


async def test_a_dangling_row_is_reported_and_never_deleted(stage: Stage) -> None:
    audio = await stage.saved()

    [result] = await purge(stage, item_of(stage, audio, reason=DueReason.DANGLING_ROW))

    assert result.outcome is PurgeOutcome.SKIPPED
    assert "needs a person" in result.message
    assert stage.row(audio) == audio


async def test_nothing_is_no_work(stage: Stage) -> None:
    stage.memory.catalog.failure = AssertionError("the catalog was asked")

    assert await purge(stage) == []


async def test_results_come_in_the_order_of_the_items(stage: Stage) -> None:
    due, live = await stage.saved(ttl=HOUR), await stage.saved()
    stage.clock.advance(HOUR)

    results = await purge(
        stage, orphan(stage.memory.blobs, KEY), item_of(stage, live), item_of(stage, due), item_of(stage, an_audio())
    )

    assert [result.outcome for result in results] == [
        PurgeOutcome.DELETED,
        PurgeOutcome.SKIPPED,
        PurgeOutcome.DELETED,
        PurgeOutcome.ALREADY_GONE,
    ]

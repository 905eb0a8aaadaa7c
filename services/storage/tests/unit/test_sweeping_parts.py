"""Uploads in parts that nobody ends: aborted with their rows, or found by listing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from mayfly_storage.domain.ports import Shard
from mayfly_storage.domain.retention import DueItem, DueReason, PurgeOutcome
from mayfly_storage.domain.uploads import Subject
from mayfly_storage.testing.sweeping import sweep

if TYPE_CHECKING:
    from mayfly_storage.testing.parts import MemoryParts
    from mayfly_storage.testing.stage import Stage

pytestmark = pytest.mark.usefixtures("parts")
EVERYTHING = Shard(index=0, count=1)
RECORDING: dict[str, Any] = {
    "collection": "recordings",
    "key_fields": {"recording_id": "r1"},
    "subject": Subject(user_id="u1"),
}


async def lost(stage: Stage) -> list[DueItem]:
    items: list[DueItem] = []
    cursor = ""
    while True:
        page = await stage.retention.list_orphans(collection="", shard=EVERYTHING, limit=1, cursor=cursor)
        items += page.items
        if not (cursor := page.cursor):
            return items


async def rows_swept(stage: Stage) -> None:
    page = await stage.retention.list_expired(collection="", before=None, shard=EVERYTHING, limit=10, cursor="")
    await stage.retention.purge_audio(page.items)


@pytest.mark.parametrize("wish", [{}, RECORDING])
async def test_what_nobody_ends_is_swept_with_its_parts(stage: Stage, parts: MemoryParts, wish: dict[str, Any]) -> None:
    audio, grant = await stage.granted(**wish)
    stage.put_parts(replace(grant, parts=grant.parts[:3]))
    stage.clock.advance(timedelta(minutes=36))
    await sweep(stage.retention)
    assert parts.open == {}
    assert stage.row(audio) is not None
    stage.clock.advance(timedelta(minutes=15))
    await sweep(stage.retention)
    assert stage.row(audio) is None


@pytest.mark.parametrize("wish", [{}, RECORDING])
async def test_a_part_that_lands_after_the_abort_is_aborted_with_the_tombstone(
    stage: Stage, parts: MemoryParts, wish: dict[str, Any]
) -> None:
    audio, grant = await stage.granted(**wish)
    [upload_id] = parts.open
    await stage.storage.abandon_upload(audio.name, grant.attempt)
    assert parts.open == {}
    parts.land(upload_id)
    stage.clock.advance(timedelta(minutes=49))
    await sweep(stage.retention)
    parts.land(upload_id)
    stage.clock.advance(timedelta(minutes=2))
    await sweep(stage.retention)
    assert (parts.kept, stage.row(audio)) == ({}, None)


async def test_a_tombstone_stays_while_parts_are_left(stage: Stage, parts: MemoryParts) -> None:
    audio, grant = await stage.granted()
    await stage.storage.abandon_upload(audio.name, grant.attempt)
    stage.clock.advance(timedelta(minutes=51))
    parts.land("upload-1")
    parts.clings = 1
    await sweep(stage.retention)
    assert stage.row(audio) is not None
    await sweep(stage.retention)
    assert (parts.kept, stage.row(audio)) == ({}, None)


@pytest.mark.parametrize("wish", [{}, RECORDING])
async def test_an_upload_that_no_row_came_to_name_is_found_by_listing(
    stage: Stage, parts: MemoryParts, wish: dict[str, Any]
) -> None:
    upload_id = await parts.begin(await stage.reserved(b"small", **wish))
    assert await lost(stage) == []
    stage.clock.advance(timedelta(hours=2))
    await rows_swept(stage)
    [item] = await lost(stage)
    assert (item.reason, item.multipart_upload_id) == (DueReason.ORPHAN_MULTIPART, upload_id)
    [dry] = await stage.retention.purge_audio([item], validate_only=True)
    assert (dry.outcome, len(parts.open)) == (PurgeOutcome.DELETED, 1)
    assert not (await stage.retention.verify_gone([item]))[0].object_gone
    [done] = await stage.retention.purge_audio([item])
    assert (done.outcome, parts.open) == (PurgeOutcome.DELETED, {})
    assert (await stage.retention.verify_gone([item]))[0].object_gone
    [again] = await stage.retention.purge_audio([item])
    assert again.outcome is PurgeOutcome.ALREADY_GONE
    assert await lost(stage) == []


async def test_an_upload_under_way_is_left_alone_however_old_it_looks(stage: Stage, parts: MemoryParts) -> None:
    await stage.granted()
    upload_id, upload = next(iter(parts.open.items()))
    upload.begin_time -= timedelta(days=1)
    assert await lost(stage) == []
    item = DueItem(
        name=None,
        location=stage.memory.blobs.location,
        object_key=upload.audio.object_key,
        reason=DueReason.ORPHAN_MULTIPART,
        multipart_upload_id=upload_id,
    )
    [result] = await stage.retention.purge_audio([item])
    assert (result.outcome, len(parts.open)) == (PurgeOutcome.SKIPPED, 1)


async def test_parts_that_were_under_way_are_left_for_the_next_sweep(stage: Stage, parts: MemoryParts) -> None:
    await parts.begin(await stage.reserved(b"small"))
    stage.clock.advance(timedelta(hours=2))
    await rows_swept(stage)
    [item] = await lost(stage)
    parts.clings = 1
    [failed] = await stage.retention.purge_audio([item])
    assert failed.outcome is PurgeOutcome.FAILED
    [done] = await stage.retention.purge_audio([item])
    assert (done.outcome, parts.kept) == (PurgeOutcome.DELETED, {})

"""PurgeAudio of objects that no row accounts for: deleted, unless somebody owns them after all."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from mayfly_storage.domain.audio import Location, State
from mayfly_storage.domain.errors import InvalidAudioError
from mayfly_storage.domain.ports import Shard
from mayfly_storage.domain.retention import PurgeOutcome, PurgeResult
from mayfly_storage.domain.stores import Store
from mayfly_storage.domain.uploads import Subject
from mayfly_storage.testing import SOUND, MemoryBlobs
from mayfly_storage.testing.purging import orphan, purge
from mayfly_storage.usecases.assembly import RetentionUseCases

if TYPE_CHECKING:
    from mayfly_storage.testing.stage import Stage

HOUR = timedelta(hours=1)
KEY = "temp-audio/2026-01-15/f47ac10b-58cc-4372-a567-0e02b2c3d479.wav"
CHOSEN_KEY = "users/u1/recordings/r1/audio.wav"
CHOSEN = {"collection": "recordings", "key_fields": {"recording_id": "r1"}, "subject": Subject(user_id="u1")}


async def test_an_orphan_is_deleted(stage: Stage) -> None:
    [result] = await purge(stage, orphan(stage.memory.blobs, KEY))

    assert result == PurgeResult(outcome=PurgeOutcome.DELETED, size_bytes=len(SOUND))
    assert stage.memory.blobs.objects == {}


async def test_an_orphan_that_has_an_owner_now_is_skipped(stage: Stage) -> None:
    audio = await stage.saved()
    chosen = await stage.saved(**CHOSEN)
    items = [orphan(stage.memory.blobs, each.object_key) for each in (audio, chosen)]

    results = await purge(stage, *items)

    assert [result.outcome for result in results] == [PurgeOutcome.SKIPPED] * 2
    assert stage.lies(audio)
    assert stage.lies(chosen)


async def test_a_foreign_object_is_never_deleted(stage: Stage) -> None:
    [result] = await purge(stage, orphan(stage.memory.blobs, "somebody/else.wav"))

    assert result.outcome is PurgeOutcome.SKIPPED
    assert "somebody/else.wav" in stage.memory.blobs.objects


async def test_an_orphan_that_was_written_anew_is_skipped(stage: Stage) -> None:
    item = replace(orphan(stage.memory.blobs, KEY), etag="another write")

    [result] = await purge(stage, item)

    assert result.outcome is PurgeOutcome.SKIPPED
    assert KEY in stage.memory.blobs.objects


async def test_an_orphan_that_cannot_be_deleted_now_is_told(stage: Stage) -> None:
    item = orphan(stage.memory.blobs, KEY)
    stage.memory.blobs.stuck.add(KEY)

    [result] = await purge(stage, item)

    assert result.outcome is PurgeOutcome.FAILED


async def test_an_orphan_at_a_chosen_key_is_deleted_under_its_claim(stage: Stage) -> None:
    item = replace(orphan(stage.memory.blobs, CHOSEN_KEY), collection="recordings")

    [result] = await purge(stage, item)

    assert result == PurgeResult(outcome=PurgeOutcome.DELETED, size_bytes=len(SOUND))
    assert (stage.memory.blobs.objects, stage.memory.catalog.rows, stage.memory.catalog.claims) == ({}, {}, {})
    assert (await stage.saved(**CHOSEN)).object_key == CHOSEN_KEY


async def test_a_claim_whose_row_was_collected_does_not_keep_its_object(stage: Stage) -> None:
    """The sweeper was down for as long as it takes DynamoDB's TTL to collect the row; the claim's comes later."""
    audio = await stage.saved(**CHOSEN)
    del stage.memory.catalog.rows[audio.name]

    [result] = await purge(stage, orphan(stage.memory.blobs, CHOSEN_KEY))

    assert result.outcome is PurgeOutcome.DELETED
    assert (stage.memory.blobs.objects, stage.memory.catalog.rows, stage.memory.catalog.claims) == ({}, {}, {})


async def test_a_writer_who_claims_the_key_first_keeps_what_lies_there(stage: Stage) -> None:
    item = orphan(stage.memory.blobs, CHOSEN_KEY)

    async def claim() -> None:
        await stage.reserved(**CHOSEN)

    stage.catalog.before["reserve"] = claim

    [result] = await purge(stage, item)

    assert result.outcome is PurgeOutcome.SKIPPED
    assert CHOSEN_KEY in stage.memory.blobs.objects


async def test_an_item_of_a_store_that_is_not_ours_is_refused(stage: Stage) -> None:
    item = orphan(stage.memory.blobs, KEY)
    foreign = replace(item, location=Location.S3)

    for decide in (stage.retention.purge_audio, stage.retention.verify_gone):
        with pytest.raises(InvalidAudioError, match="this service has no store S3, only LOCAL") as refused:
            await decide([item, foreign])
        assert refused.value.field == "items[1].location"


async def test_a_copy_in_another_store_than_the_rows_is_an_orphan(stage: Stage) -> None:
    s3 = MemoryBlobs(now=stage.clock.now, location=Location.S3)
    retention = with_second_store(stage, s3)
    audio, pending = await stage.saved(), await stage.put()
    copies = [orphan(s3, each.object_key, location=Location.S3) for each in (audio, pending)]

    results = await retention.purge_audio(copies)

    # A PENDING row does not know yet where its bytes will lie.
    assert [result.outcome for result in results] == [PurgeOutcome.DELETED, PurgeOutcome.SKIPPED]
    assert list(s3.objects) == [pending.object_key]
    assert stage.lies(audio)


async def test_the_listing_sees_all_stores(stage: Stage) -> None:
    s3 = MemoryBlobs(now=stage.clock.now, location=Location.S3)
    retention = with_second_store(stage, s3)
    wanted = {(Location.S3, KEY), (Location.LOCAL, KEY)}
    orphan(s3, KEY, location=Location.S3)
    orphan(stage.memory.blobs, KEY)
    stage.clock.advance(HOUR)

    found, cursor = set(), ""
    for _ in range(50):
        page = await retention.list_orphans(collection="", shard=Shard(), limit=10, cursor=cursor)
        found |= {(item.location, item.object_key) for item in page.items}
        cursor = page.cursor
        if not cursor:
            break

    assert found == wanted


def with_second_store(stage: Stage, s3: MemoryBlobs) -> RetentionUseCases:
    stores = stage.world.backend.stores
    both = {**stores.by_location, Location.S3: Store(blobs=s3, links=stage.memory.links)}
    backend = replace(stage.world.backend, stores=replace(stores, by_location=both))
    return RetentionUseCases.over(replace(stage.world, backend=backend))


async def test_a_claim_whose_object_cannot_be_deleted_is_due_again(stage: Stage) -> None:
    item = orphan(stage.memory.blobs, CHOSEN_KEY)
    stage.memory.blobs.stuck.add(CHOSEN_KEY)

    [result] = await purge(stage, item)

    assert result.outcome is PurgeOutcome.FAILED
    assert [row.state for row in stage.memory.catalog.rows.values()] == [State.DELETING]
    stage.memory.blobs.stuck.clear()
    stage.clock.advance(timedelta(minutes=2))  # the first try may still land, as long as it has the lease
    page = await stage.retention.list_expired(collection="", before=None, shard=Shard(), limit=9, cursor="")
    assert [(await purge(stage, due))[0].outcome for due in page.items] == [PurgeOutcome.DELETED]
    assert stage.memory.catalog.claims == {}

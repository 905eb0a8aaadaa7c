"""PurgeAudio and VerifyGone: the sweeper names items, storage decides."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from mayfly_storage.domain.audio import Location, State
from mayfly_storage.domain.errors import InvalidAudioError
from mayfly_storage.domain.ports import BlobFacts, Shard
from mayfly_storage.domain.retention import DueItem, DueReason, PurgeOutcome, PurgeResult, Verdict
from mayfly_storage.domain.stores import Store
from mayfly_storage.domain.uploads import Subject
from mayfly_storage.testing import DAWN, SOUND, MemoryBlobs, an_audio
from mayfly_storage.usecases.assembly import RetentionUseCases

if TYPE_CHECKING:
    from datetime import datetime

    from mayfly_storage.domain.audio import Audio
    from mayfly_storage.testing.stage import Stage

HOUR = timedelta(hours=1)
KEY = "temp-audio/2026-01-15/f47ac10b-58cc-4372-a567-0e02b2c3d479.wav"
CHOSEN_KEY = "users/u1/recordings/r1/audio.wav"
CHOSEN = {"collection": "recordings", "key_fields": {"recording_id": "r1"}, "subject": Subject(user_id="u1")}


def item_of(stage: Stage, audio: Audio, *, reason: DueReason | None = None) -> DueItem:
    return DueItem.of_row(stage.row(audio) or audio, stage.timing, reason=reason)


def orphan(blobs: MemoryBlobs, key: str, *, location: Location = Location.LOCAL) -> DueItem:
    """An object that came from nowhere, as a listing would tell of it."""
    facts = BlobFacts(
        content_type="audio/wav", size_bytes=len(SOUND), sha256=hashlib.sha256(SOUND).digest(), attempt="x"
    )
    if key not in blobs.objects:
        blobs.put(key, SOUND, facts)
    return DueItem(
        name=None,
        location=location,
        object_key=key,
        reason=DueReason.ORPHAN_OBJECT,
        etag=blobs.objects[key].blob.etag,
        size_bytes=len(SOUND),
    )


async def purge(stage: Stage, *items: DueItem, validate_only: bool = False) -> list[PurgeResult]:
    return await stage.retention.purge_audio(items, validate_only=validate_only)


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

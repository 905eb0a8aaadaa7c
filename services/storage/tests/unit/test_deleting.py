"""Delete: D1 to D4, by name and through the one eraser."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from mayfly_storage.domain.audio import State
from mayfly_storage.domain.errors import (
    AudioNotFoundError,
    BackendMisconfiguredError,
    BackendUnavailableError,
    ObjectKeyTakenError,
)
from mayfly_storage.domain.uploads import Subject
from mayfly_storage.testing import an_audio
from mayfly_storage.testing.sweeping import sweep
from mayfly_storage.usecases.erasing import EraseOutcome, Erasure

if TYPE_CHECKING:
    from mayfly_storage.testing.stage import Stage

SETTLED = timedelta(minutes=2 + 20)
OTHER = {"collection": "pitches", "key_fields": {"pitch_id": "p1"}}
CHOSEN = {"collection": "recordings", "key_fields": {"recording_id": "r1"}, "subject": Subject(user_id="u1")}


async def test_what_was_deleted_is_unreadable_and_its_bytes_are_gone(stage: Stage) -> None:
    audio = await stage.saved(subject=Subject(guest_address="203.0.113.7"), text="hello")

    assert await stage.storage.delete_audio(audio.name)

    assert not stage.lies(audio)
    with pytest.raises(AudioNotFoundError):
        await stage.storage.get_audio(audio.name)
    row = stage.row(audio)
    assert row is not None
    assert (row.state, row.text, row.owner, row.ip_address) == (State.DELETING, "", "", "")


async def test_deleting_again_finds_nothing(stage: Stage) -> None:
    audio = await stage.saved()

    assert await stage.storage.delete_audio(audio.name)
    assert not await stage.storage.delete_audio(audio.name)
    assert not await stage.storage.delete_audio(an_audio().name)


@pytest.mark.parametrize("age", [timedelta(0), SETTLED])
@pytest.mark.parametrize("wish", [{}, CHOSEN])
async def test_what_a_caller_deletes_leaves_a_tombstone_for_the_next_sweep(
    stage: Stage, age: timedelta, wish: dict[str, Any]
) -> None:
    """Its certificate names it then."""
    audio = await stage.saved(**wish)
    stage.clock.advance(age)
    await stage.storage.delete_audio(audio.name)
    tombstone = stage.row(audio)
    assert tombstone is not None
    assert tombstone.bytes_gone

    stage.clock.advance(SETTLED - age)
    await sweep(stage.retention)

    assert stage.row(audio) is None


async def test_a_tombstone_stays_until_no_late_put_can_land(stage: Stage) -> None:
    young, old = await stage.saved(), await stage.saved()

    await stage.world.erase([young])
    stage.clock.advance(SETTLED)
    await stage.world.erase([old])

    tombstone = stage.row(young)
    assert tombstone is not None
    assert tombstone.bytes_gone
    assert stage.row(old) is None


async def test_a_chosen_key_is_free_again_when_its_bytes_are_gone(stage: Stage) -> None:
    first = await stage.saved(**CHOSEN)
    await stage.storage.delete_audio(first.name)
    again = await stage.saved(**CHOSEN)
    stage.clock.advance(SETTLED)
    await sweep(stage.retention)

    assert again.object_key == first.object_key
    assert stage.lies(again)
    assert (stage.row(first), stage.row(again)) == (None, again)


async def test_a_chosen_key_is_kept_from_others_where_a_late_put_would_overwrite_theirs(stage: Stage) -> None:
    stage.memory.blobs.overwrites = True
    first = await stage.saved(**CHOSEN)
    await stage.storage.delete_audio(first.name)

    with pytest.raises(ObjectKeyTakenError):
        await stage.saved(**CHOSEN)
    stage.clock.advance(SETTLED)
    await sweep(stage.retention)

    assert stage.lies(await stage.saved(**CHOSEN))


async def test_an_upload_that_failed_can_be_tried_again_at_its_chosen_key(stage: Stage) -> None:
    wish = stage.wish(**CHOSEN)
    audio, grant = await stage.storage.create_upload(wish)
    assert grant is not None
    await stage.storage.abandon_upload(audio.name, grant.attempt)

    again, _ = await stage.storage.create_upload(wish)

    assert (again.state, again.object_key) == (State.PENDING, audio.object_key)
    assert again.name != audio.name


async def test_a_key_whose_row_was_collected_is_free_for_the_next_writer(stage: Stage) -> None:
    """The sweeper was down for as long as it takes DynamoDB's TTL to collect the row; the claim's comes later."""
    audio = await stage.saved(ttl=timedelta(hours=1), **CHOSEN)
    del stage.memory.catalog.rows[audio.name], stage.memory.blobs.objects[audio.object_key]

    assert stage.lies(await stage.saved(**CHOSEN))


async def test_a_commit_that_wins_against_a_delete_is_deleted_all_the_same(stage: Stage) -> None:
    audio = await stage.put()

    async def commit() -> None:
        await stage.storage.commit_upload(audio.name, audio.attempt)

    stage.catalog.before["begin_delete"] = commit

    assert await stage.storage.delete_audio(audio.name)
    assert not stage.lies(audio)
    with pytest.raises(AudioNotFoundError):
        await stage.storage.get_audio(audio.name)


async def test_many_are_deleted_each_on_its_own(stage: Stage) -> None:
    one, other, nothing = await stage.saved(), await stage.saved(), an_audio()

    deleted = await stage.storage.batch_delete_audio([one.name, nothing.name, other.name, one.name])

    assert deleted == {one.name: True, nothing.name: False, other.name: True}
    assert stage.memory.blobs.objects == {}


async def test_nothing_to_delete_is_no_work(stage: Stage) -> None:
    stage.memory.catalog.failure = AssertionError("the catalog was asked")

    assert await stage.storage.batch_delete_audio([]) == {}


async def test_a_rehearsal_deletes_nothing(stage: Stage) -> None:
    audio, nothing = await stage.saved(), an_audio()

    deleted = await stage.storage.batch_delete_audio([audio.name, nothing.name], validate_only=True)

    assert deleted == {audio.name: True, nothing.name: False}
    assert await stage.storage.get_audio(audio.name) == audio


async def test_bytes_that_a_store_cannot_delete_wait_for_the_next_sweep(stage: Stage) -> None:
    audio = await stage.saved()
    stage.memory.blobs.stuck.add(audio.object_key)

    [erasure] = await stage.world.erase([audio])

    assert erasure == Erasure(outcome=EraseOutcome.UNFINISHED, tombstone_kept=True)
    assert stage.lies(audio)
    row = stage.row(audio)
    assert row is not None
    assert (row.state, row.bytes_gone) == (State.DELETING, False)


@pytest.mark.parametrize("failure", [BackendUnavailableError("s3"), BackendMisconfiguredError("s3", "AccessDenied")])
async def test_a_store_that_is_out_of_reach_leaves_a_tombstone(stage: Stage, failure: Exception) -> None:
    audio = await stage.saved()
    stage.memory.blobs.failure = failure

    assert await stage.storage.delete_audio(audio.name)

    row = stage.row(audio)
    assert row is not None
    assert row.state is State.DELETING


async def test_what_is_said_to_be_deleted_and_still_lies_there_is_not_gone(stage: Stage) -> None:
    audio = await stage.saved()

    async def still_there(keys: list[str]) -> set[str]:
        return set(keys)

    stage.blobs.instead["present"] = still_there

    [erasure] = await stage.world.erase([audio])

    assert erasure.outcome is EraseOutcome.UNFINISHED


async def test_an_unfinished_deletion_is_taken_up_again(stage: Stage) -> None:
    audio = await stage.saved()
    stage.memory.blobs.stuck.add(audio.object_key)
    await stage.storage.delete_audio(audio.name)
    stage.memory.blobs.stuck.clear()
    tombstone = stage.row(audio)
    assert tombstone is not None

    [erasure] = await stage.world.erase([tombstone])

    assert erasure == Erasure(outcome=EraseOutcome.GONE, tombstone_kept=True)
    assert not stage.lies(audio)


async def test_a_tombstone_whose_bytes_are_gone_is_removed_when_its_time_has_come(stage: Stage) -> None:
    audio = await stage.saved()
    await stage.storage.delete_audio(audio.name)
    tombstone = stage.row(audio)
    assert tombstone is not None

    [early] = await stage.world.erase([tombstone])
    stage.clock.advance(SETTLED)
    [late] = await stage.world.erase([tombstone])

    assert (early.outcome, early.tombstone_kept) == (EraseOutcome.GONE, True)
    assert (late.outcome, late.tombstone_kept) == (EraseOutcome.GONE, False)
    assert stage.row(audio) is None


async def test_a_row_that_has_changed_is_left(stage: Stage) -> None:
    audio = await stage.put()
    await stage.storage.commit_upload(audio.name, audio.attempt)

    [erasure] = await stage.world.erase([audio])

    assert erasure == Erasure(outcome=EraseOutcome.CHANGED)
    assert stage.lies(audio)


async def test_a_late_put_at_a_chosen_key_goes_with_its_row(stage: Stage) -> None:
    """A PUT that was sent twice: the second lands when the first has been committed and deleted, and is an orphan."""
    audio = await stage.saved(**CHOSEN)
    late = stage.memory.blobs.objects[audio.object_key]
    [erasure] = await stage.world.erase([audio])
    assert erasure == Erasure(outcome=EraseOutcome.GONE, tombstone_kept=True)
    stage.memory.blobs.objects[audio.object_key] = late
    stage.clock.advance(timedelta(hours=1))

    await sweep(stage.retention)

    assert (stage.memory.blobs.objects, stage.memory.catalog.rows, stage.memory.catalog.claims) == ({}, {}, {})


async def test_an_abandoned_upload_at_a_chosen_key_is_deleted_as_it_lies_there(stage: Stage) -> None:
    put, not_put = await stage.put(**CHOSEN), await stage.reserved(**OTHER)

    outcomes = [erasure.outcome for erasure in await stage.world.erase([put, not_put])]

    assert outcomes == [EraseOutcome.GONE, EraseOutcome.GONE]
    assert stage.memory.blobs.objects == {}


async def test_outcomes_come_in_the_order_of_the_rows(stage: Stage) -> None:
    gone, stuck = await stage.saved(), await stage.saved()
    changed = an_audio()
    stage.memory.blobs.stuck.add(stuck.object_key)

    outcomes = [erasure.outcome for erasure in await stage.world.erase([stuck, changed, gone])]

    assert outcomes == [EraseOutcome.UNFINISHED, EraseOutcome.CHANGED, EraseOutcome.GONE]

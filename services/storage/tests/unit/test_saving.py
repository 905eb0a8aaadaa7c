"""Save: reserve, put, commit; retries, races and crashes of each."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from mayfly_storage.domain.audio import State
from mayfly_storage.domain.errors import (
    AudioNotFoundError,
    BackendUnavailableError,
    ContentMismatchError,
    IdempotencyKeyReusedError,
    LifetimeOverError,
    ObjectKeyTakenError,
    RequestExpiredError,
    StorageFullError,
    UploadFencedError,
    UploadIncompleteError,
)
from mayfly_storage.domain.tickets import attempt_of
from mayfly_storage.domain.uploads import Subject
from mayfly_storage.testing import SOUND, an_audio

if TYPE_CHECKING:
    from pathlib import Path

    from mayfly_storage.domain.audio import Audio
    from mayfly_storage.testing.stage import Stage

REQUEST_ID = "0b1f2c3d-0000-4000-8000-000000000000"
AFTER_THE_DEADLINE = timedelta(minutes=2)


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    path = tmp_path / "sound"
    path.write_bytes(SOUND)
    return path


async def test_what_was_put_and_committed_is_ready(stage: Stage) -> None:
    audio = await stage.saved()

    assert audio.state is State.READY
    assert stage.row(audio) == audio
    assert stage.lies(audio)


async def test_a_grant_is_for_the_announced_bytes(stage: Stage) -> None:
    audio, grant = await stage.storage.create_upload(stage.wish())

    assert grant is not None
    assert (attempt_of(grant.attempt), grant.expire_time) == (audio.attempt, audio.upload_deadline)
    assert stage.memory.links.serve("PUT", grant.url, headers=grant.headers, body=b"other").status == 400


async def test_a_retry_gets_the_same_audio_and_another_grant(stage: Stage) -> None:
    wish = stage.wish(request_id=REQUEST_ID)

    first, _ = await stage.storage.create_upload(wish)
    again, grant = await stage.storage.create_upload(wish)

    assert again == first
    assert grant is not None
    assert len(stage.memory.catalog.rows) == 1


async def test_a_retry_after_the_commit_gets_the_audio_and_no_grant(stage: Stage) -> None:
    audio = await stage.saved(request_id=REQUEST_ID)

    assert await stage.storage.create_upload(stage.wish(request_id=REQUEST_ID)) == (audio, None)


async def test_a_retry_across_midnight_is_still_the_same_request(stage: Stage) -> None:
    audio = await stage.saved(request_id=REQUEST_ID)
    stage.clock.advance(timedelta(hours=20))

    again, _ = await stage.storage.create_upload(stage.wish(request_id=REQUEST_ID))

    assert again.name == audio.name


async def test_request_ids_of_two_callers_are_two_requests(stage: Stage) -> None:
    one = await stage.reserved(request_id=REQUEST_ID, caller="synth")
    other = await stage.reserved(request_id=REQUEST_ID, caller="gateway")

    assert one.name != other.name


async def test_a_request_id_stands_for_one_request(stage: Stage) -> None:
    await stage.reserved(request_id=REQUEST_ID)

    with pytest.raises(IdempotencyKeyReusedError):
        await stage.reserved(request_id=REQUEST_ID, voice="another")


async def test_what_has_expired_is_not_stored_again_by_a_late_retry(stage: Stage) -> None:
    await stage.saved(request_id=REQUEST_ID)
    stage.clock.advance(timedelta(hours=24))

    with pytest.raises(RequestExpiredError):
        await stage.reserved(request_id=REQUEST_ID)


async def test_what_was_deleted_is_not_stored_again_by_a_late_retry(stage: Stage) -> None:
    audio = await stage.saved(request_id=REQUEST_ID)
    stage.clock.advance(timedelta(hours=1))
    await stage.storage.delete_audio(audio.name)

    with pytest.raises(RequestExpiredError):
        await stage.reserved(request_id=REQUEST_ID)


async def test_after_two_days_a_request_id_is_forgotten(stage: Stage) -> None:
    audio = await stage.saved(request_id=REQUEST_ID)
    stage.clock.advance(timedelta(hours=48))

    assert (await stage.reserved(request_id=REQUEST_ID)).name != audio.name


async def test_a_record_that_is_forgotten_between_two_looks_counts_as_expired(stage: Stage) -> None:
    await stage.saved(request_id=REQUEST_ID)

    async def forgotten(*_: object) -> None:
        return None

    stage.catalog.instead["find_request"] = forgotten

    with pytest.raises(RequestExpiredError):
        await stage.reserved(request_id=REQUEST_ID)


async def test_an_upload_that_ran_out_of_time_begins_again(stage: Stage) -> None:
    late = await stage.put(request_id=REQUEST_ID)
    stage.clock.advance(AFTER_THE_DEADLINE)

    fresh = await stage.saved(request_id=REQUEST_ID)

    assert fresh.name != late.name
    assert not stage.lies(late)
    with pytest.raises(UploadFencedError):
        await stage.storage.commit_upload(late.name, late.attempt)


async def test_an_upload_that_was_abandoned_begins_again(stage: Stage) -> None:
    given_up = await stage.reserved(request_id=REQUEST_ID)
    await stage.storage.abandon_upload(given_up.name, given_up.attempt)

    assert (await stage.saved(request_id=REQUEST_ID)).name != given_up.name


async def test_a_commit_that_wins_against_a_late_retry_is_what_the_retry_gets(stage: Stage) -> None:
    audio = await stage.put(request_id=REQUEST_ID)
    stage.clock.advance(AFTER_THE_DEADLINE)

    async def commit() -> None:
        await stage.storage.commit_upload(audio.name, audio.attempt)

    stage.catalog.before["begin_delete"] = commit

    again, grant = await stage.storage.create_upload(stage.wish(request_id=REQUEST_ID))

    assert (again.name, again.state, grant) == (audio.name, State.READY, None)
    assert stage.lies(audio)


async def test_of_two_late_retries_one_begins_again_and_the_other_is_fenced(stage: Stage) -> None:
    await stage.reserved(request_id=REQUEST_ID)
    stage.clock.advance(AFTER_THE_DEADLINE)

    async def the_other_retry() -> None:
        await stage.reserved(request_id=REQUEST_ID)

    stage.catalog.before["mark_bytes_gone"] = the_other_retry

    with pytest.raises(UploadFencedError):
        await stage.reserved(request_id=REQUEST_ID)


async def test_many_equal_requests_at_once_make_one_audio(stage: Stage) -> None:
    wish = stage.wish(request_id=REQUEST_ID)

    answers = await asyncio.gather(*(stage.storage.create_upload(wish) for _ in range(5)))

    assert len({audio.name for audio, _ in answers}) == 1
    assert len(stage.memory.catalog.rows) == 1


async def test_a_chosen_key_has_one_holder(stage: Stage) -> None:
    chosen = {"collection": "recordings", "key_fields": {"recording_id": "r1"}, "subject": Subject(user_id="u1")}
    await stage.saved(**chosen)

    with pytest.raises(ObjectKeyTakenError):
        await stage.reserved(**chosen)


async def test_a_commit_before_the_put_says_that_nothing_is_there(stage: Stage) -> None:
    audio = await stage.reserved()

    with pytest.raises(UploadIncompleteError):
        await stage.storage.commit_upload(audio.name, audio.attempt)

    assert stage.row(audio) == audio


async def test_a_commit_may_be_repeated(stage: Stage) -> None:
    audio = await stage.saved()

    assert await stage.storage.commit_upload(audio.name, audio.attempt) == audio


async def test_a_commit_of_nothing_finds_nothing(stage: Stage) -> None:
    with pytest.raises(AudioNotFoundError):
        await stage.storage.commit_upload(an_audio().name, "a")


async def test_only_the_attempt_that_put_may_commit(stage: Stage) -> None:
    audio = await stage.put()

    with pytest.raises(UploadFencedError):
        await stage.storage.commit_upload(audio.name, "another")


async def test_what_is_being_deleted_cannot_be_committed(stage: Stage) -> None:
    audio = await stage.put()
    await stage.storage.delete_audio(audio.name)

    with pytest.raises(UploadFencedError):
        await stage.storage.commit_upload(audio.name, audio.attempt)


async def test_a_delete_that_wins_against_a_commit_fences_it(stage: Stage) -> None:
    audio = await stage.put()

    async def delete() -> None:
        await stage.storage.delete_audio(audio.name)

    stage.catalog.before["make_ready"] = delete

    with pytest.raises(UploadFencedError):
        await stage.storage.commit_upload(audio.name, audio.attempt)


async def test_a_commit_after_the_expiry_acknowledges_nothing(stage: Stage) -> None:
    audio = await stage.put(ttl=timedelta(seconds=30))
    stage.clock.advance(30)

    with pytest.raises(LifetimeOverError, match=f"ended at {audio.expire_time:%Y-%m-%dT%H:%M:%SZ}"):
        await stage.storage.commit_upload(audio.name, audio.attempt)


@pytest.mark.parametrize(
    ("field", "lie"),
    [("size_bytes", {"size_bytes": 1}), ("sha256", {"sha256": b"x" * 32}), ("attempt", {"attempt": "another"})],
)
async def test_other_bytes_than_announced_are_refused_and_deleted(
    stage: Stage, field: str, lie: dict[str, Any]
) -> None:
    audio = await stage.put()
    found = stage.memory.blobs.objects[audio.object_key]
    stage.memory.blobs.objects[audio.object_key] = replace(found, blob=replace(found.blob, **lie))

    with pytest.raises(ContentMismatchError) as refused:
        await stage.storage.commit_upload(audio.name, audio.attempt)

    assert refused.value.field == field
    assert not stage.lies(audio)


async def test_what_a_store_cannot_tell_does_not_count(stage: Stage) -> None:
    audio = await stage.put()
    found = stage.memory.blobs.objects[audio.object_key]
    silent = replace(found, blob=replace(found.blob, sha256=None, attempt=None))
    stage.memory.blobs.objects[audio.object_key] = silent

    assert (await stage.storage.commit_upload(audio.name, audio.attempt)).state is State.READY


async def test_an_abandoned_upload_is_gone(stage: Stage) -> None:
    audio = await stage.put()

    await stage.storage.abandon_upload(audio.name, audio.attempt)

    assert not stage.lies(audio)
    row = stage.row(audio)
    assert row is not None
    assert row.state is State.DELETING


async def test_abandoning_what_is_gone_succeeds(stage: Stage) -> None:
    audio = await stage.reserved()

    await stage.storage.abandon_upload(audio.name, audio.attempt)
    after_the_first = stage.row(audio)
    await stage.storage.abandon_upload(audio.name, audio.attempt)
    await stage.storage.abandon_upload(an_audio().name, "a")

    assert stage.row(audio) == after_the_first


async def test_what_was_committed_cannot_be_abandoned(stage: Stage) -> None:
    audio = await stage.saved()

    with pytest.raises(UploadFencedError):
        await stage.storage.abandon_upload(audio.name, audio.attempt)

    assert stage.lies(audio)


async def test_only_the_attempt_itself_can_be_abandoned(stage: Stage) -> None:
    audio = await stage.put()

    with pytest.raises(UploadFencedError):
        await stage.storage.abandon_upload(audio.name, "another")


async def test_a_commit_that_wins_against_an_abandon_is_not_called_abandoned(stage: Stage) -> None:
    audio = await stage.put()

    async def commit() -> None:
        await stage.storage.commit_upload(audio.name, audio.attempt)

    stage.catalog.before["begin_delete"] = commit

    with pytest.raises(UploadFencedError):
        await stage.storage.abandon_upload(audio.name, audio.attempt)


async def test_a_file_is_stored_in_one_call(stage: Stage, sound: Path) -> None:
    audio = await stage.storage.store_file(stage.wish(), sound)

    assert audio.state is State.READY
    assert stage.memory.blobs.objects[audio.object_key].body == SOUND


async def test_a_file_is_stored_once_however_often_it_comes(stage: Stage, sound: Path) -> None:
    wish = stage.wish(request_id=REQUEST_ID)

    first = await stage.storage.store_file(wish, sound)
    again = await stage.storage.store_file(wish, sound)

    assert again == first
    assert len(stage.memory.blobs.objects) == 1


async def test_a_file_that_does_not_fit_leaves_nothing_behind(stage: Stage, sound: Path) -> None:
    stage.memory.blobs.room = 1
    wish = stage.wish(request_id=REQUEST_ID)

    with pytest.raises(StorageFullError):
        await stage.storage.store_file(wish, sound)

    assert stage.memory.blobs.objects == {}
    assert [row.state for row in stage.memory.catalog.rows.values()] == [State.DELETING]


async def test_a_caller_who_goes_leaves_nothing_behind(stage: Stage, sound: Path) -> None:
    arrived, forever = asyncio.Event(), asyncio.Event()

    async def stall() -> None:
        arrived.set()
        await forever.wait()

    stage.catalog.before["make_ready"] = stall
    storing = asyncio.create_task(stage.storage.store_file(stage.wish(), sound))
    await arrived.wait()
    storing.cancel()

    with pytest.raises(asyncio.CancelledError):
        await storing

    assert stage.memory.blobs.objects == {}


async def test_a_delete_that_wins_against_storing_a_file_fences_it(stage: Stage, sound: Path) -> None:
    async def delete() -> None:
        [name] = stage.memory.catalog.rows
        await stage.storage.delete_audio(name)

    stage.catalog.before["make_ready"] = delete

    with pytest.raises(UploadFencedError):
        await stage.storage.store_file(stage.wish(), sound)


async def test_an_answer_that_was_lost_does_not_undo_what_was_done(stage: Stage, sound: Path) -> None:
    wish = stage.wish(request_id=str(uuid4()))
    commit = stage.memory.catalog.make_ready

    async def commit_and_lose_the_answer(audio: Audio) -> None:
        await commit(audio)
        raise BackendUnavailableError("memory")

    stage.catalog.instead["make_ready"] = commit_and_lose_the_answer

    with pytest.raises(BackendUnavailableError):
        await stage.storage.store_file(wish, sound)

    assert (await stage.storage.store_file(wish, sound)).state is State.READY


async def test_a_file_that_expires_while_it_is_stored_is_not_acknowledged(stage: Stage, sound: Path) -> None:
    async def a_minute_passes() -> None:
        stage.clock.advance(60)

    stage.catalog.before["make_ready"] = a_minute_passes

    with pytest.raises(LifetimeOverError):
        await stage.storage.store_file(stage.wish(ttl=timedelta(seconds=60)), sound)

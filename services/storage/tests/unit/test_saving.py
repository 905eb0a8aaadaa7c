"""Save: reserve, put, commit; races and crashes of each."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from mayfly_storage.domain.audio import State
from mayfly_storage.domain.errors import (
    AudioNotFoundError,
    ContentMismatchError,
    LifetimeOverError,
    ObjectKeyTakenError,
    UploadFencedError,
    UploadIncompleteError,
)
from mayfly_storage.domain.tickets import attempt_of
from mayfly_storage.domain.uploads import Subject
from mayfly_storage.testing import an_audio

if TYPE_CHECKING:
    from mayfly_storage.testing.stage import Stage


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

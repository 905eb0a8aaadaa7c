"""ForgetSubject: all audio of a person, and nobody else's."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from mayfly_storage.domain.audio import State
from mayfly_storage.domain.errors import AudioNotFoundError, BackendUnavailableError, UploadFencedError
from mayfly_storage.domain.uploads import Subject
from mayfly_storage.usecases import forgetting

if TYPE_CHECKING:
    from mayfly_storage.testing.stage import Stage

DAY = timedelta(days=1)
ANNA, OTTO = Subject(user_id="anna"), Subject(user_id="otto")
GUEST, OTHER = Subject(guest_address="203.0.113.7"), Subject(guest_address="203.0.113.8")
SESSION: dict[str, Any] = {"collection": "speech-sessions", "key_fields": {"session_id": "s1", "index": "1"}}


async def test_all_audio_of_a_user_goes_and_nothing_else(stage: Stage) -> None:
    hers = [await stage.saved(subject=ANNA), await stage.saved(subject=ANNA, **SESSION)]
    others = [await stage.saved(subject=OTTO), await stage.saved(subject=GUEST), await stage.saved()]

    forgotten = await stage.storage.forget_subject(ANNA)

    assert sorted(forgotten.deleted) == sorted(audio.name for audio in hers)
    assert forgotten.remaining == 0
    assert [stage.lies(audio) for audio in (*hers, *others)] == [False, False, True, True, True]
    for audio in hers:
        with pytest.raises(AudioNotFoundError):
            await stage.storage.get_audio(audio.name)
        row = stage.row(audio)
        assert row is None or (row.state, row.owner, row.text) == (State.DELETING, "", "")


async def test_a_guest_is_known_by_the_address_of_the_day(stage: Stage) -> None:
    yesterdays = await stage.saved(subject=GUEST)
    stage.clock.advance(DAY - timedelta(hours=1))
    todays, other = await stage.saved(subject=GUEST), await stage.saved(subject=OTHER)

    forgotten = await stage.storage.forget_subject(GUEST)

    assert yesterdays.owner != todays.owner
    assert sorted(forgotten.deleted) == sorted([yesterdays.name, todays.name])
    assert stage.lies(other)


@pytest.mark.parametrize("days", [2, 6])
async def test_a_guest_is_known_as_far_back_as_audio_lives(stage: Stage, days: int) -> None:
    old = await stage.saved(subject=GUEST, **SESSION)
    stage.clock.advance(days * DAY)

    assert (await stage.storage.forget_subject(GUEST)).deleted == [old.name]


async def test_uploads_under_way_end_too(stage: Stage) -> None:
    audio = await stage.put(subject=ANNA)

    forgotten = await stage.storage.forget_subject(ANNA)

    assert forgotten.deleted == [audio.name]
    assert not stage.lies(audio)
    with pytest.raises(UploadFencedError):
        await stage.storage.commit_upload(audio.name, audio.attempt)


async def test_an_upload_that_is_committed_in_the_very_moment_goes_too(stage: Stage) -> None:
    audio = await stage.put(subject=ANNA)

    async def commit() -> None:
        await stage.storage.commit_upload(audio.name, audio.attempt)

    stage.catalog.before["begin_delete"] = commit

    assert (await stage.storage.forget_subject(ANNA)).deleted == [audio.name]
    assert not stage.lies(audio)


async def test_forgetting_again_finds_nothing(stage: Stage) -> None:
    await stage.saved(subject=ANNA)
    await stage.storage.forget_subject(ANNA)

    forgotten = await stage.storage.forget_subject(ANNA)

    assert (list(forgotten.deleted), forgotten.remaining) == ([], 0)


async def test_one_call_deletes_so_many_and_counts_so_many(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forgetting, "MOST_DELETED", 4)
    monkeypatch.setattr(forgetting, "MOST_COUNTED", 6)
    monkeypatch.setattr(forgetting, "_PAGE", 3)
    for _ in range(15):
        await stage.saved(subject=ANNA)

    calls = [await stage.storage.forget_subject(ANNA) for _ in range(4)]

    assert [len(call.deleted) for call in calls] == [4, 4, 4, 3]
    assert [call.remaining for call in calls] == [6, 6, 3, 0]


async def test_what_the_store_cannot_delete_now_is_unreadable_and_left_to_the_sweep(stage: Stage) -> None:
    audio = await stage.saved(subject=ANNA)
    stage.memory.blobs.stuck.add(audio.object_key)

    forgotten = await stage.storage.forget_subject(ANNA)

    row = stage.row(audio)
    assert forgotten.deleted == [audio.name]
    assert row is not None
    assert (row.state, row.owner) == (State.DELETING, "")
    with pytest.raises(AudioNotFoundError):
        await stage.storage.get_audio(audio.name)


async def test_a_catalog_that_does_not_answer_is_told(stage: Stage) -> None:
    await stage.saved(subject=ANNA)
    stage.memory.catalog.failure = BackendUnavailableError("memory")

    with pytest.raises(BackendUnavailableError):
        await stage.storage.forget_subject(ANNA)

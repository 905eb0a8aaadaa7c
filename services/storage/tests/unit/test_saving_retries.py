"""Retries of a save: one request is one audio, however often and late it comes."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from mayfly_storage.domain.audio import State
from mayfly_storage.domain.errors import (
    IdempotencyKeyReusedError,
    RequestExpiredError,
    UploadFencedError,
)

if TYPE_CHECKING:
    from mayfly_storage.testing.stage import Stage

REQUEST_ID = "0b1f2c3d-0000-4000-8000-000000000000"
AFTER_THE_DEADLINE = timedelta(minutes=2)


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

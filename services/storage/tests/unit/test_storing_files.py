"""A file that is stored in one call: once, whole, and with nothing left where it fails."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from mayfly_storage.domain.audio import State
from mayfly_storage.domain.errors import (
    BackendUnavailableError,
    LifetimeOverError,
    StorageFullError,
    UploadFencedError,
)
from mayfly_storage.testing import SOUND

if TYPE_CHECKING:
    from pathlib import Path

    from mayfly_storage.domain.audio import Audio
    from mayfly_storage.testing.stage import Stage

REQUEST_ID = "0b1f2c3d-0000-4000-8000-000000000000"


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    path = tmp_path / "sound"
    path.write_bytes(SOUND)
    return path


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

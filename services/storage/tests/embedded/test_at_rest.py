"""What leaves a row leaves the disk: rows, free pages and the write-ahead log."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from mayfly_storage.domain.audio import State
from mayfly_storage.domain.ports import BlobTarget
from mayfly_storage.testing.sweeping import sweep
from mayfly_storage.testing.worlds import a_world
from mayfly_storage.usecases.assembly import RetentionUseCases

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from conftest import Disk
    from mayfly_storage.domain.audio import Audio
    from mayfly_storage.testing import Subject

    Save = Callable[..., Awaitable[Audio]]

CANARIES = {"text": "canary-text-7f3a", "owner": "user:canary-owner-91c2", "ip_address": "canary-address-5d44"}


def found_on(disk: Disk) -> set[str]:
    """Which canaries any file of the data folder holds."""
    contents = disk.files().values()
    return {name for name, canary in CANARIES.items() if any(canary.encode() in content for content in contents)}


async def test_personal_data_is_on_disk_while_the_audio_lives(embedded: Subject, save: Save, disk: Disk) -> None:
    """Else the next tests would prove nothing."""
    await save(embedded, **CANARIES)

    assert found_on(disk) == set(CANARIES)


@pytest.mark.parametrize("neighbours", [0, 300])
async def test_personal_data_has_left_the_disk_when_the_deletion_returns(
    embedded: Subject, save: Save, disk: Disk, neighbours: int
) -> None:
    audio = await save(embedded, **CANARIES)
    for _ in range(neighbours):  # so that pages split, and rows move between them
        await embedded.catalog.reserve(embedded.an_audio(text="x" * 200, owner="user:other"), None)

    [tombstone] = await embedded.catalog.begin_delete([audio], embedded.clock.now())

    assert tombstone is not None
    assert found_on(disk) == set()


async def test_a_reader_does_not_keep_personal_data_on_disk(embedded: Subject, save: Save, disk: Disk) -> None:
    audio = await save(embedded, **CANARIES)
    await embedded.catalog.get_many([audio.name])

    await embedded.catalog.begin_delete([audio], embedded.clock.now())

    assert found_on(disk) == set()


async def test_deleted_bytes_leave_neither_file_nor_folder(embedded: Subject, save: Save, disk: Disk) -> None:
    audio = await save(embedded, object_key="users/u/recordings/r/audio.wav")

    await embedded.blobs.delete_many([BlobTarget(key=audio.object_key)])

    assert disk.names("objects") == set()
    assert disk.names("staging") == set()


async def test_one_sweep_after_the_expiry_nothing_personal_is_on_disk(
    embedded: Subject, save: Save, disk: Disk
) -> None:
    """R37: in no file of the data folder, log and free pages included, though the tombstone remains until later."""
    audio = await save(embedded, expire_time=embedded.clock.now() + timedelta(seconds=90), **CANARIES)
    await embedded.catalog.get_many([audio.name])  # a reader may keep pages of the log from being emptied
    embedded.clock.advance(timedelta(seconds=90))
    world = a_world(embedded.backend, embedded.clock.now)

    await sweep(RetentionUseCases.over(world))

    [tombstone] = (await embedded.catalog.get_many([audio.name])).values()
    assert (tombstone.state, tombstone.bytes_gone) == (State.DELETING, True)
    assert found_on(disk) == set()
    assert any(name.startswith("catalog.sqlite3") for name in disk.files())

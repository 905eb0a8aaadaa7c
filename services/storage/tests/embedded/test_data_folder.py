"""What an operator may find in the way of the data folder, and what storage says about it."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from mayfly_storage.backends.embedded.database import SCHEMA_VERSION
from mayfly_storage.backends.embedded.folder import DataFolderError
from mayfly_storage.domain.errors import BackendMisconfiguredError
from mayfly_storage.domain.links import LinkWish
from mayfly_storage.testing import SOUND
from tools.stack.layout import Ports

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from conftest import Disk
    from mayfly_storage.domain.audio import Audio
    from mayfly_storage.testing import Subject

    Opening = Callable[..., AbstractAsyncContextManager[Subject]]
    Save = Callable[..., Awaitable[Audio]]


async def refusal(opening: Opening, **options: object) -> str:
    with pytest.raises(DataFolderError) as refused:
        async with opening(**options):
            pytest.fail("it should not open")
    return str(refused.value)


async def test_a_missing_folder_is_made_for_its_owner_alone(opening: Opening, save: Save, disk: Disk) -> None:
    async with opening() as subject:
        audio = await save(subject)
        rights = disk.rights()

    assert {name: mode for name, mode in rights.items() if mode & 0o077} == {}
    assert rights[f"objects/{audio.object_key}"] == 0o600
    assert rights["link.key"] == 0o600
    assert {"objects", "staging", "link.key", "catalog.sqlite3"} <= disk.names()


async def test_what_was_saved_is_there_after_a_restart(opening: Opening, save: Save) -> None:
    async with opening() as first:
        audio = await save(first)

    async with opening() as second:
        blob = await second.blobs.head(audio.object_key)
        assert await second.catalog.get_many([audio.name]) == {audio.name: audio}
        assert blob is not None
        assert (blob.etag, blob.sha256) == (audio.etag, audio.sha256)


async def test_links_live_on_after_a_restart(opening: Opening, save: Save) -> None:
    links = {"listen": f"127.0.0.1:{Ports.free().links}"}  # one that no connection takes in the meantime
    async with opening(links=links) as first:
        audio = await save(first)
        [link] = await first.links.sign_urls([LinkWish(audio=audio, expire_time=audio.upload_deadline)])

    async with opening(links=links) as second:
        assert (await second.follow("GET", link.url)).body == SOUND


async def test_a_file_in_place_of_the_folder_is_refused(opening: Opening, disk: Disk) -> None:
    disk.write("", b"not a folder")

    message = await refusal(opening)

    assert str(disk.root) in message
    assert "has to be a folder" in message
    assert disk.read("") == b"not a folder"


async def test_a_folder_below_a_file_is_refused(opening: Opening, disk: Disk) -> None:
    disk.write("", b"not a folder")

    assert "has to be a folder" in await refusal(opening, data_dir=disk.root / "below")


async def test_a_folder_that_cannot_be_written_is_refused(opening: Opening, tmp_path: Path) -> None:
    folder = tmp_path / "read-only"
    folder.mkdir(mode=0o500)
    if os.access(folder, os.W_OK):  # root may write everywhere but in the kernel's own folders
        folder = type(tmp_path)("/sys/mayfly")

    assert "may not write there" in await refusal(opening, data_dir=folder)


async def test_a_folder_in_use_is_refused_and_left_alone(opening: Opening, save: Save) -> None:
    async with opening() as first:
        audio = await save(first)

        message = await refusal(opening)

        assert f"another process (pid {os.getpid()}) uses it" in message
        assert await first.catalog.get_many([audio.name]) == {audio.name: audio}


def test_the_hold_on_a_folder_ends_with_its_process_however_it_ends(data_dir: Path) -> None:
    hold = (
        "import pathlib, sys\n"
        "from mayfly_storage.backends.embedded.folder import open_folder\n"
        "with open_folder(pathlib.Path(sys.argv[1])):\n"
        "    print('held', flush=True)\n"
        "    sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", hold, str(data_dir)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "held\n"
        second = subprocess.run(command, input="", capture_output=True, text=True, check=False, timeout=30)
        first.kill()
    third = subprocess.run(command, input="", capture_output=True, text=True, check=False, timeout=30)

    assert f"another process (pid {first.pid}) uses it" in second.stderr
    assert (third.returncode, third.stdout) == (0, "held\n")


async def test_a_catalog_of_a_newer_version_is_refused_and_left_alone(opening: Opening, disk: Disk) -> None:
    async with opening():
        pass
    with closing(sqlite3.connect(disk.root / "catalog.sqlite3")) as connection:
        connection.execute("PRAGMA user_version = 99")
    before = disk.read("catalog.sqlite3")

    message = await refusal(opening)

    assert f"it has version 99, and this Mayfly knows versions up to {SCHEMA_VERSION}" in message
    assert disk.read("catalog.sqlite3") == before


async def test_a_file_that_is_no_catalog_is_refused_and_left_alone(opening: Opening, disk: Disk) -> None:
    disk.write("catalog.sqlite3", b"holiday pictures" * 100)

    assert "not a database" in await refusal(opening)
    assert disk.read("catalog.sqlite3") == b"holiday pictures" * 100


@pytest.mark.parametrize("content", [b"", b"not hex", b"abcd"])
async def test_a_broken_link_key_is_refused_and_left_alone(opening: Opening, disk: Disk, content: bytes) -> None:
    disk.write("link.key", content)

    assert "link.key" in await refusal(opening)
    assert disk.read("link.key") == content


@pytest.mark.parametrize("content", [None, b""])
async def test_audio_whose_catalog_is_lost_is_not_left_to_the_sweep(
    opening: Opening, save: Save, disk: Disk, content: bytes | None
) -> None:
    async with opening() as subject:
        audio = await save(subject)
    kept = disk.read("catalog.sqlite3")
    disk.remove("catalog.sqlite3")
    if content is not None:
        disk.write("catalog.sqlite3", content)

    assert "Bring the catalog back from a backup" in await refusal(opening)

    assert disk.read(f"objects/{audio.object_key}") == SOUND
    disk.write("catalog.sqlite3", kept)
    async with opening() as subject:
        assert await subject.catalog.get_many([audio.name])


async def test_what_a_dead_process_left_half_written_is_removed(opening: Opening, disk: Disk) -> None:
    async with opening():
        pass
    disk.write("staging/half-written", b"RIFF")

    async with opening():
        assert disk.names("staging") == set()


async def test_a_failed_start_gives_the_folder_back(opening: Opening, disk: Disk) -> None:
    disk.write("link.key", b"broken")
    await refusal(opening)
    disk.remove("link.key")

    async with opening() as subject:
        await subject.catalog.check()


async def test_a_folder_that_goes_away_does_not_look_like_an_empty_one(embedded: Subject, disk: Disk) -> None:
    key = embedded.an_audio().object_key
    os.rename(disk.root / "objects", disk.root / "unmounted")  # noqa: PTH104 - pathlib is refused in async functions

    with pytest.raises(BackendMisconfiguredError):
        await embedded.blobs.check()
    with pytest.raises(BackendMisconfiguredError):
        await embedded.blobs.present([key])
    with pytest.raises(BackendMisconfiguredError):
        await embedded.blobs.head(key)
    with pytest.raises(BackendMisconfiguredError):
        await embedded.blobs.list_blobs("", limit=10)

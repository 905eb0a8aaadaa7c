"""A full disk: refused in words, nothing left half-written, and a sweep can still make room."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from mayfly_storage.backends.embedded.folder import DataFolderError
from mayfly_storage.domain.errors import StorageFullError
from mayfly_storage.domain.ports import BlobTarget, DeleteOutcome
from mayfly_storage.testing import facts_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from conftest import Disk
    from mayfly_storage.domain.audio import Audio
    from mayfly_storage.testing import Subject

    Opening = Callable[..., AbstractAsyncContextManager[Subject]]
    Save = Callable[..., Awaitable[Audio]]

MIB = 1024 * 1024
ALL_OF_IT = 1 << 60


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", folder], capture_output=True, text=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip(f"needs the right to mount a small file system: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


async def test_a_start_on_a_full_disk_says_so(opening: Opening, small_disk: Path) -> None:
    fill_up(small_disk / "somebody-elses")

    with pytest.raises(DataFolderError, match=r"full|No space left"):
        async with opening(data_dir=small_disk / "data"):
            pytest.fail("it should not open")


async def test_audio_leaves_the_headroom_free(opening: Opening, save: Save, disk: Disk) -> None:
    async with opening(headroom_bytes=ALL_OF_IT) as subject:
        with pytest.raises(StorageFullError):
            await save(subject)

        assert disk.names("objects") == set()
        assert disk.names("staging") == set()


async def test_a_put_through_a_grant_leaves_the_headroom_free(opening: Opening, disk: Disk) -> None:
    async with opening(headroom_bytes=ALL_OF_IT) as subject:
        audio = subject.an_audio(body=b"x" * 100)
        await subject.catalog.reserve(audio, None)
        grant = await subject.links.grant_upload(audio)

        answer = await subject.follow("PUT", grant.url, headers=grant.headers, body=b"x" * 100)

        assert answer.status == 507
        assert b"STORAGE_FULL" in answer.body
        assert disk.names("objects") == set()
        assert disk.names("staging") == set()


async def test_a_disk_that_fills_up_during_a_copy_leaves_nothing_half_written(
    opening: Opening, small_disk: Path, tmp_path: Path
) -> None:
    async with opening(data_dir=small_disk / "data", headroom_bytes=0) as subject:
        free = shutil.disk_usage(small_disk).free
        audio = subject.an_audio(body=b"x" * (free + MIB))
        source = tmp_path / "too-large"
        source.write_bytes(b"x" * (free + MIB))

        with pytest.raises(StorageFullError):
            await subject.blobs.put_file(audio.object_key, source, facts_of(audio))

        assert names_in(small_disk / "data/objects") == names_in(small_disk / "data/staging") == []
        assert "too-large" in names_in(tmp_path)  # so that the caller may try another store
        assert shutil.disk_usage(small_disk).free == free


async def test_a_disk_that_fills_up_during_a_put_answers_507_and_leaves_nothing(
    opening: Opening, small_disk: Path
) -> None:
    async with opening(data_dir=small_disk / "data", headroom_bytes=0) as subject:
        audio = subject.an_audio(body=b"x" * 2 * MIB)
        await subject.catalog.reserve(audio, None)
        grant = await subject.links.grant_upload(audio)
        fill = small_disk / "somebody-elses"

        async def body() -> object:
            yield b"x" * MIB
            fill_up(fill)
            yield b"x" * MIB

        answer = await subject.follow("PUT", grant.url, headers=grant.headers, body=body())

        assert answer.status == 507
        assert names_in(small_disk / "data/objects") == names_in(small_disk / "data/staging") == []


async def test_rows_are_refused_in_words_and_audio_can_be_deleted_on_a_full_disk(
    opening: Opening, small_disk: Path, save: Save
) -> None:
    async with opening(data_dir=small_disk / "data", headroom_bytes=256 * 1024) as subject:
        kept = [await save(subject, body=b"x" * 100_000) for _ in range(10)]
        fill_up(small_disk / "somebody-elses")

        with pytest.raises(StorageFullError):
            await reserve_until_full(subject)
        assert len(await subject.catalog.get_many([audio.name for audio in kept])) == 10
        outcomes = await subject.blobs.delete_many([BlobTarget(key=audio.object_key) for audio in kept])

        assert outcomes == [DeleteOutcome.DELETED] * 10
        assert None not in await subject.catalog.begin_delete(kept, subject.clock.now())


async def reserve_until_full(subject: Subject) -> None:
    for _ in range(10_000):
        await subject.catalog.reserve(subject.an_audio(text="x" * 1000), None)


def fill_up(path: Path) -> None:
    """Write until nothing more fits."""
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            return


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]

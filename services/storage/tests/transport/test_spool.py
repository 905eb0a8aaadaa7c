"""The spool: where a streamed upload lies until all of it is there."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

import pytest

from mayfly_runtime.offload import Offload
from mayfly_storage.domain.errors import StorageFullError
from mayfly_storage.transport.spool import Spool

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


LONG = bytes(range(256)) * 12_000  # about 3 MiB: several writes of the spool


@pytest.fixture
async def offload() -> AsyncIterator[Offload]:
    pool = Offload(name="test", workers=1, queue=5)
    yield pool
    await pool.shutdown()


async def test_a_spool_begins_clean(tmp_path: Path, offload: Offload) -> None:
    (tmp_path / "upload-left-by-a-crash").write_bytes(b"x")
    (tmp_path / "something-else").write_bytes(b"x")

    await Spool.open(tmp_path, offload)

    assert not (tmp_path / "upload-left-by-a-crash").exists()
    assert (tmp_path / "something-else").exists()


async def test_files_of_the_spool_are_private(tmp_path: Path, offload: Offload) -> None:
    spool = await Spool.open(tmp_path / "spool", offload)

    async with spool.open_file() as file:
        await file.write(b"x")
        await file.finish()
        assert file.path.stat().st_mode & 0o777 == 0o600

    assert (tmp_path / "spool").stat().st_mode & 0o777 == 0o700
    assert not file.path.exists()


async def test_a_full_disk_is_told_as_a_full_store(tmp_path: Path, offload: Offload) -> None:
    async with Spool(tmp_path, offload).open_file() as file:
        file.path.symlink_to("/dev/full")  # the system's own full disk
        with pytest.raises(StorageFullError):
            await file.write(LONG)

    assert not file.path.is_symlink()


async def test_a_folder_that_cannot_be_written_is_no_full_store(tmp_path: Path, offload: Offload) -> None:
    spool = Spool(tmp_path / "missing", offload)

    async with spool.open_file() as file:
        with pytest.raises(FileNotFoundError):
            await file.write(LONG)


async def test_a_file_that_a_thread_still_writes_goes_though_its_caller_is_cancelled_twice(
    tmp_path: Path, offload: Offload
) -> None:
    paths: list[Path] = []

    async def upload() -> None:
        async with Spool(tmp_path, offload).open_file() as file:
            paths.append(file.path)
            os.mkfifo(file.path)  # whose writer waits for a reader
            await file.write(LONG)

    uploading = asyncio.create_task(upload())
    while not offload.in_use:  # noqa: ASYNC110 - a thread tells nobody
        await asyncio.sleep(0)
    while not uploading.done():  # gRPC cancels twice, or more often
        uploading.cancel()
        await asyncio.sleep(0)
    reader = await asyncio.to_thread(paths[0].open, "rb")
    await asyncio.to_thread(reader.read)
    reader.close()

    assert uploading.cancelled()
    async with asyncio.timeout(20):
        while paths[0].exists():  # noqa: ASYNC110 - nor does a file
            await asyncio.sleep(0)

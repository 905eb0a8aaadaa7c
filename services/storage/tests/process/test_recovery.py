"""Backups of the embedded backend: a copy that was made as the operations page says brings everything back (C39)."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from grpc.aio import AioRpcError
from mayfly.storage.v1 import storage_service_pb2 as pb

from mayfly_storage.testing import SOUND
from mayfly_storage.testing.process import Callers, storage_process

if TYPE_CHECKING:
    from pathlib import Path


async def url_of(callers: Callers, name: str) -> str:
    answer = await callers.storage.SignUrls(pb.SignUrlsRequest(names=[name]))
    return answer.results[0].signed_url.url


def back_up(data: Path, target: Path) -> None:
    """The catalog by SQLite's own backup, which needs no stop; then the rest."""
    target.mkdir()
    with (
        closing(sqlite3.connect(data / "catalog.sqlite3")) as live,
        closing(sqlite3.connect(target / "catalog.sqlite3")) as copy,
    ):
        live.backup(copy)
    shutil.copytree(data / "objects", target / "objects", copy_function=shutil.copy2)
    for name in ("link.key", "privacy.key"):
        shutil.copy2(data / name, target / name)


async def test_a_backup_that_was_made_while_storage_served_brings_audio_and_links_back(tmp_path: Path) -> None:
    data, copy = tmp_path / "data", tmp_path / "copy"
    async with storage_process(data, {}) as (_, callers):
        name = await callers.stream(SOUND)
        url = urlsplit(await url_of(callers, name))
        await asyncio.to_thread(back_up, data, copy)
    shutil.rmtree(data)  # the disk is gone
    async with storage_process(copy, {}) as (_, callers):
        assert (await callers.storage.GetAudio(pb.GetAudioRequest(name=name))).audio.size_bytes == len(SOUND)
        place = urlsplit(await url_of(callers, name)).netloc
        # The links that were signed before are as good as they were.
        answer = await callers.http.get(url._replace(netloc=place).geturl())
        assert (answer.status_code, answer.content) == (200, SOUND)


async def test_what_was_deleted_after_the_backup_comes_back_and_can_be_deleted_again(tmp_path: Path) -> None:
    """Why backups have to expire: they bring back what was promised to be gone."""
    data, copy = tmp_path / "data", tmp_path / "copy"
    async with storage_process(data, {}) as (_, callers):
        name = await callers.stream(SOUND)
        await asyncio.to_thread(back_up, data, copy)
        await callers.delete(name)
    async with storage_process(copy, {}) as (_, callers):
        assert (await callers.storage.GetAudio(pb.GetAudioRequest(name=name))).audio.name == name
        await callers.delete(name)
        with pytest.raises(AioRpcError):
            await callers.storage.GetAudio(pb.GetAudioRequest(name=name))

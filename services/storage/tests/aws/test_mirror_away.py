"""A mirror that hangs, is away, or keeps what is deleted."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from mayfly_storage.domain.errors import BackendUnavailableError
from mayfly_storage.domain.findings import Verdict
from mayfly_storage.domain.retention import DueItem
from mayfly_storage.domain.timing import Timing
from mayfly_storage.fitness import UnfitStoreError, require_honest_deletion
from mayfly_storage.testing import SOUND
from mayfly_storage.testing.mirrored import Mirrored, open_mirrored
from mayfly_storage.testing.relay import Relay, relay_to
from mayfly_storage.testing.sweeping import sweep

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from mayfly_runtime.testing import FakeClock

HOUR = timedelta(hours=1)


@pytest.fixture
async def relay(aws_url: str) -> AsyncIterator[Relay]:
    async with relay_to(aws_url) as relay:
        yield relay


@pytest.fixture
async def mirrored(aws_url: str, relay: Relay, tmp_path: Path, clock: FakeClock) -> AsyncIterator[Mirrored]:
    async with open_mirrored(aws_url, relay, tmp_path, clock) as mirrored:
        yield mirrored


def written(file: Path) -> Path:
    file.write_bytes(SOUND)
    return file


FEW: dict[str, Any] = {"read_timeout": timedelta(seconds=2), "connections": 2, "s3_queue": 2}
"""Calls to the mirror that may be under way, or wait."""


async def test_deletions_neither_fail_nor_queue_for_a_mirror_that_hangs(
    aws_url: str, relay: Relay, tmp_path: Path, clock: FakeClock
) -> None:
    async with open_mirrored(aws_url, relay, tmp_path, clock, **FEW) as mirrored:
        kept = await mirrored.saved(tmp_path / "sound")
        await mirrored.queue.drained()
        audios = [await mirrored.storage.store_file(mirrored.stage.wish(), written(tmp_path / "x")) for _ in range(20)]
        relay.hang()
        assert await asyncio.gather(*(mirrored.storage.delete_audio(each.name) for each in audios)) == [True] * 20
        assert await mirrored.storage.delete_audio(kept.name)  # while the mirror rests
        item = DueItem.of_row(kept, Timing())
        with pytest.raises(BackendUnavailableError):
            await mirrored.retention.verify_gone([item])
        relay.mend()
        clock.advance(HOUR)
        await sweep(mirrored.retention)
        assert await mirrored.copied(kept) is None
        assert (await mirrored.retention.verify_gone([item]))[0].object_gone


async def test_a_mirror_that_keeps_versions_is_no_place_for_what_is_deleted(mirrored: Mirrored) -> None:
    await asyncio.to_thread(
        mirrored.raw.s3.put_bucket_versioning,
        Bucket=mirrored.bucket,
        VersioningConfiguration={"Status": "Enabled"},
    )
    described = await mirrored.retention.describe_store()
    assert [each.check for each in described.settings if each.verdict is Verdict.FAILED] == ["versioning of the mirror"]
    with pytest.raises(UnfitStoreError, match="versioning of the mirror"):
        await require_honest_deletion(mirrored.backend, strict=True, within=HOUR)


async def test_storage_starts_while_its_mirror_is_away(mirrored: Mirrored, relay: Relay) -> None:
    relay.cut()
    await require_honest_deletion(mirrored.backend, strict=True, within=HOUR)
    described = await mirrored.retention.describe_store()
    assert [each.check for each in described.settings if each.verdict is Verdict.SKIPPED] == ["settings of the mirror"]

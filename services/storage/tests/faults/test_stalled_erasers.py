"""An eraser that stalls between any two steps, at a key that gets another owner with the very same bytes meanwhile."""

from __future__ import annotations

import asyncio
import hashlib
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from mayfly_runtime.testing import FakeClock
from mayfly_storage.domain.uploads import NewAudio, Subject, UploadRequest
from mayfly_storage.testing.sites import in_memory, on_aws, on_files
from mayfly_storage.testing.stalling import Stall, run_into
from mayfly_storage.testing.sweeping import leaks, sweep
from mayfly_storage.testing.worlds import a_world
from mayfly_storage.usecases.assembly import RetentionUseCases, StorageUseCases, World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from mayfly_storage.domain.audio import Audio
    from mayfly_storage.testing.sites import Site

NOON = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
KEY = "users/u1/recordings/r1/audio.wav"
SAME_BYTES = b"RIFF the very same bytes"
STEPS = ("D1", "D2", "D3", "giving the key back")
"""The requests of an eraser, before each of which it may stall."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Storage over one backend."""

    site: Site
    world: World
    clock: FakeClock
    file: Path

    @property
    def storage(self) -> StorageUseCases:
        """What callers have."""
        return StorageUseCases.over(self.world)

    async def save(self, ttl: timedelta | None = None) -> Audio:
        """The same bytes at the same key, acknowledged."""
        self.file.write_bytes(SAME_BYTES)
        audio = NewAudio(
            collection="recordings",
            content_type="audio/wav",
            key_fields={"recording_id": "r1"},
            subject=Subject(user_id="u1"),
            ttl=ttl,
        )
        digest = hashlib.sha256(SAME_BYTES).digest()
        request = UploadRequest(
            caller="test", request_id=str(uuid4()), audio=audio, size_bytes=len(SAME_BYTES), sha256=digest
        )
        return await self.storage.store_file(request, self.file)

    async def sweep_for_days(self) -> None:
        """Two sweeps, with time for every grace and every lease to end."""
        for _ in range(2):
            self.clock.advance(timedelta(hours=25))
            await sweep(RetentionUseCases.over(self.world))

    async def lies(self, audio: Audio) -> bool:
        """Whether an audio is readable, and its bytes are there."""
        row = await self.storage.get_audio(audio.name)
        blob = await self.site.backend.stores.of(row).blobs.head(row.object_key)
        return blob is not None and blob.sha256 == audio.sha256


@pytest.fixture(params=["memory", "files", "aws"])
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place]:
    openers = {
        "memory": lambda: in_memory,
        "files": lambda: on_files(tmp_path),
        "aws": lambda: on_aws(request.getfixturevalue("aws_url")),
    }
    clock = FakeClock(NOON)
    async with AsyncExitStack() as stack:
        site = await stack.enter_async_context(openers[request.param]()(clock))
        world = a_world(site.backend, clock.now)
        yield Place(site=site, world=world, clock=clock, file=tmp_path / "body")


@pytest.mark.parametrize("before", range(len(STEPS)), ids=STEPS)
async def test_a_stalled_eraser_leaves_the_next_owner_of_the_key_alone(place: Place, before: int) -> None:
    first = await place.save()
    stall = Stall(before)
    eraser = replace(place.world, backend=stall.within(place.site.backend)).erase
    task = asyncio.ensure_future(eraser([first]))
    assert await run_into(stall, task)

    await place.storage.delete_audio(first.name)
    await place.sweep_for_days()
    second = await place.save()
    stall.over.set()
    await task

    assert await place.lies(second)
    await place.sweep_for_days()
    assert await place.lies(second)
    assert await leaks(place.site.backend, place.world.collections, claimable=[KEY]) == []


@pytest.mark.parametrize("before", range(1, len(STEPS)), ids=STEPS[1:])
@pytest.mark.parametrize("place", ["memory"], indirect=True)  # the only one whose TTL goes by the test's clock
async def test_so_does_one_whose_row_was_collected_meanwhile(place: Place, before: int) -> None:
    """The sweeper was down for longer than the TTL waits, and the eraser stalls for longer than its lease lasts."""
    assert place.site.collect is not None
    first = await place.save(ttl=timedelta(minutes=1))
    stall = Stall(before)
    eraser = replace(place.world, backend=stall.within(place.site.backend)).erase
    place.clock.advance(timedelta(days=8))
    task = asyncio.ensure_future(eraser([first]))
    assert await run_into(stall, task)

    place.clock.advance(timedelta(minutes=2))
    await place.site.collect(first.name)
    await place.sweep_for_days()
    second = await place.save()
    stall.over.set()
    await task

    assert await place.lies(second)
    await place.sweep_for_days()
    assert await leaks(place.site.backend, place.world.collections, claimable=[KEY]) == []


async def test_while_one_eraser_has_the_lease_another_deletes_nothing(place: Place) -> None:
    first = await place.save()
    stall = Stall(before=1)
    eraser = replace(place.world, backend=stall.within(place.site.backend)).erase
    task = asyncio.ensure_future(eraser([first]))
    assert await run_into(stall, task)

    tombstone = (await place.site.backend.catalog.get_many([first.name]))[first.name]
    [other] = await place.world.erase([tombstone])
    there = await place.site.backend.stores.first.blobs.present([KEY])
    stall.over.set()
    [erasure] = await task

    assert (other.outcome, there, erasure.outcome) == ("CHANGED", {KEY}, "GONE")

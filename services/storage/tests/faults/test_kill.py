"""kill -9 at each failpoint of a real storage process: nothing acknowledged is lost, and two sweeps leave no trace."""

from __future__ import annotations

import asyncio
import hashlib
import signal
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import grpc.aio
import pytest

from mayfly_runtime.offload import Offload
from mayfly_runtime.testing import FakeClock
from mayfly_storage.backends.embedded.backend import open_embedded
from mayfly_storage.backends.embedded.options import EmbeddedOptions, LinkServerOptions
from mayfly_storage.data_dir import SPOOL
from mayfly_storage.domain.audio import AudioName
from mayfly_storage.domain.failpoints import Failpoint
from mayfly_storage.domain.ports import BlobFacts
from mayfly_storage.domain.privacy import Privacy
from mayfly_storage.domain.retention import DueItem, DueReason
from mayfly_storage.domain.timing import Timing
from mayfly_storage.testing.process import Callers, storage_process
from mayfly_storage.testing.sites import told_the_time
from mayfly_storage.testing.sweeping import leaks, sweep
from mayfly_storage.testing.worlds import a_world
from mayfly_storage.transport.spool import Spool
from mayfly_storage.usecases.assembly import RetentionUseCases, StorageUseCases, World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from mayfly_storage.domain.stores import Backend

SECRET = "0123456789abcdef0123456789abcdef"
ORPHANS = {
    "temp-audio": "temp-audio/2026-01-15/f47ac10b-58cc-4372-a567-0e02b2c3d479.wav",
    "recordings": "users/u9/recordings/r9/audio.wav",
}
KEYS = [ORPHANS["recordings"], *(f"users/u1/recordings/r{n}/audio.wav" for n in range(4))]
MOMENT = timedelta(milliseconds=1)
SHORT = Timing(upload_lifetime=MOMENT, late_put_bound=MOMENT, orphan_grace=3 * MOMENT)


@dataclass(frozen=True)
class Site:
    """Where a process keeps audio: what it is told to find it, and how the test opens it when the process is gone."""

    settings: dict[str, str]
    folder: Path
    open: Callable[[FakeClock], AbstractAsyncContextManager[Backend]]


@pytest.fixture
def embedded(tmp_path: Path) -> Site:
    folder = tmp_path / "data"

    @asynccontextmanager
    async def opened(clock: FakeClock) -> AsyncIterator[Backend]:
        options = EmbeddedOptions(data_dir=folder, links=LinkServerOptions(listen="127.0.0.1:0"))
        async with open_embedded(options, timing=SHORT, now=clock.now) as backend:
            yield backend

    return Site({}, folder, opened)


@pytest.fixture
def aws(tmp_path: Path, aws_url: str) -> Site:
    from mayfly_storage.backends.aws.testing import emulated_options, open_emulated  # noqa: PLC0415 - slow to load

    options = emulated_options(aws_url)
    settings = {
        "MAYFLY_STORAGE_BACKEND": "aws",
        "MAYFLY_STORAGE_BUCKET": options.bucket,
        "MAYFLY_STORAGE_TABLE": options.table,
        "MAYFLY_STORAGE_REGION": options.region,
        "MAYFLY_STORAGE_ENDPOINT_URL": aws_url,
        "MAYFLY_STORAGE_PROVIDER": "aws",  # as the emulator says; and so the test reads what the process wrote
        "MAYFLY_STORAGE_ADDRESSING_STYLE": "path",
        "MAYFLY_STORAGE_PRIVACY_SECRET": SECRET,
        "MAYFLY_STORAGE_AWS_READ_TIMEOUT": "30s",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }

    @asynccontextmanager
    async def opened(clock: FakeClock) -> AsyncIterator[Backend]:
        async with open_emulated(options, now=clock.now, timing=SHORT) as backend:
            yield told_the_time(backend, clock)

    return Site(settings, tmp_path / "data", opened)


@pytest.fixture
async def files() -> AsyncIterator[Offload]:
    offload = Offload(name="spool", workers=1, queue=10)
    yield offload
    await offload.shutdown()


@pytest.mark.parametrize("point", Failpoint)
async def test_a_process_on_files_that_dies_loses_nothing_and_leaks_nothing(
    embedded: Site, tmp_path: Path, files: Offload, point: Failpoint
) -> None:
    callers = await killed_at(point, embedded, tmp_path)

    await assert_nothing_lost_and_nothing_leaked(embedded, callers)
    await Spool.open(embedded.folder / SPOOL, files)  # as a start does
    assert [path.name for folder in ("staging", SPOOL) for path in (embedded.folder / folder).iterdir()] == []


@pytest.mark.parametrize("point", Failpoint)
async def test_a_process_on_s3_that_dies_loses_nothing_and_leaks_nothing(
    aws: Site, tmp_path: Path, point: Failpoint
) -> None:
    callers = await killed_at(point, aws, tmp_path)

    await assert_nothing_lost_and_nothing_leaked(aws, callers)


async def killed_at(point: Failpoint, site: Site, folder: Path) -> Callers:
    """Let callers save and delete until the process dies there; what they know by then."""
    orphans = await plant_orphans(site, folder)
    async with storage_process(site.folder, {**site.settings, "MAYFLY_STORAGE_FAILPOINT": point}) as (process, callers):
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await save_and_delete(callers, orphans)
        assert failed.value.code() is grpc.StatusCode.UNAVAILABLE
        assert await asyncio.wait_for(process.wait(), timeout=30) == -signal.SIGKILL
    return callers


async def plant_orphans(site: Site, folder: Path) -> list[DueItem]:
    """Objects that came from nowhere, as a listing tells of them."""
    body = b"nobody's"
    facts = BlobFacts(
        content_type="audio/wav", size_bytes=len(body), sha256=hashlib.sha256(body).digest(), attempt="none"
    )
    items = []
    async with site.open(FakeClock(datetime.now(UTC))) as backend:
        blobs = backend.stores.first.blobs
        for collection, key in ORPHANS.items():
            path = folder / collection
            path.write_bytes(body)
            blob = await blobs.put_file(key, path, facts)
            items.append(
                DueItem(
                    name=None,
                    location=blobs.location,
                    object_key=key,
                    reason=DueReason.ORPHAN_OBJECT,
                    collection=collection,
                    etag=blob.etag,
                )
            )
    return items


async def save_and_delete(callers: Callers, orphans: list[DueItem]) -> None:
    """Pass every failpoint, with audio of both kinds there and gone at each."""
    await callers.record(b"kept", "r0")
    guests = await callers.stream(b"guest's")
    unwanted = await callers.record(b"unwanted", "r1")
    await callers.delete(unwanted)
    await callers.abandon(b"given up", "r2")
    await callers.delete(guests)
    for orphan in orphans:
        await callers.purge(orphan)
    await callers.stream(b"not told")
    raise AssertionError("the failpoint was not passed")


async def assert_nothing_lost_and_nothing_leaked(site: Site, callers: Callers) -> None:
    clock = FakeClock(datetime.now(UTC))
    async with site.open(clock) as backend:
        world = site_world(backend, clock)
        storage, retention = StorageUseCases.over(world), RetentionUseCases.over(world)
        wanted = {name: body for name, body in callers.told.items() if name not in callers.unwanted}
        await assert_stored(storage, backend, wanted)

        clock.advance(timedelta(hours=25))
        await sweep(retention)
        clock.advance(timedelta(hours=1))
        await sweep(retention)

        assert await leaks(backend, world.collections, claimable=KEYS) == []
        kept = {name: body for name, body in wanted.items() if body == b"kept"}
        await assert_stored(storage, backend, kept)


async def assert_stored(storage: StorageUseCases, backend: Backend, bodies: dict[str, bytes]) -> None:
    for name, body in bodies.items():
        audio = await storage.get_audio(AudioName.parse(name))
        blob = await backend.stores.of(audio).blobs.head(audio.object_key)
        assert blob is not None
        assert blob.sha256 == hashlib.sha256(body).digest()


def site_world(backend: Backend, clock: FakeClock, **changes: Any) -> World:
    """As those who are killed have it."""
    return a_world(backend, clock.now, privacy=Privacy(secret=SECRET.encode()), timing=SHORT, **changes)

"""A copy is the audio's own, and right, or it is told; and the mirror can take over."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from mayfly_storage.backends.aws.backend import open_aws
from mayfly_storage.backends.aws.testing import emulated_session
from mayfly_storage.backends.mirror import with_mirror
from mayfly_storage.domain.audio import Location
from mayfly_storage.domain.errors import CopyDamagedError
from mayfly_storage.domain.timing import Timing
from mayfly_storage.testing import SOUND
from mayfly_storage.testing.mirrored import RECORDING, Mirrored, open_mirrored
from mayfly_storage.testing.relay import Relay, relay_to
from mayfly_storage.testing.stage import Between
from mayfly_storage.usecases.assembly import StorageUseCases
from mayfly_storage.usecases.mirroring import Copied, Differs

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from mayfly_runtime.testing import FakeClock
    from mayfly_storage.domain.audio import Audio, AudioName
    from mayfly_storage.domain.ports import BlobFacts, StoredBlob

HOUR = timedelta(hours=1)


@pytest.fixture
async def relay(aws_url: str) -> AsyncIterator[Relay]:
    async with relay_to(aws_url) as relay:
        yield relay


@pytest.fixture
async def mirrored(aws_url: str, relay: Relay, tmp_path: Path, clock: FakeClock) -> AsyncIterator[Mirrored]:
    async with open_mirrored(aws_url, relay, tmp_path, clock) as mirrored:
        yield mirrored


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "sound"


async def another_at_its_key(mirrored: Mirrored, file: Path, first: Audio) -> Audio:
    """Its key belongs to another audio, which has a copy."""
    mirrored.clock.advance(HOUR)
    assert await mirrored.storage.delete_audio(first.name)
    second = await mirrored.saved(file, b"RIFF another", **RECORDING)
    assert second.object_key == first.object_key
    await mirrored.queue.drained()
    return second


async def test_a_row_that_was_read_long_ago_does_not_take_the_next_owners_copy(mirrored: Mirrored, file: Path) -> None:
    first = await mirrored.saved(file, **RECORDING)
    await mirrored.queue.drained()
    second = await another_at_its_key(mirrored, file, first)
    assert await mirrored.mirror.copy(first) is Copied.GONE
    assert await mirrored.copied(second) == b"RIFF another"
    assert await mirrored.differences() == []


async def test_a_key_may_change_hands_between_the_look_at_the_copy_and_at_the_row(
    mirrored: Mirrored, file: Path
) -> None:
    first = await mirrored.saved(file, **RECORDING)
    await mirrored.queue.drained()
    await mirrored.put(first.object_key, b"RIFF something else")
    slow = Between(mirrored.backend.catalog)
    slow.before["get_many"] = lambda: another_at_its_key(mirrored, file, first)
    assert await replace(mirrored.mirror, catalog=slow).copy(first) is Copied.GONE
    assert await mirrored.copied(first) == b"RIFF another"


async def test_a_store_that_damages_what_it_takes_is_not_believed(mirrored: Mirrored, relay: Relay, file: Path) -> None:
    relay.cut()
    audio = await mirrored.storage.store_file(mirrored.stage.wish(), written(file))
    relay.mend()
    store = mirrored.backend.stores.by_location[Location.MIRROR]
    damaging = Between(store.blobs)

    async def put_file(key: str, path: Path, facts: BlobFacts) -> StoredBlob:
        done = await store.blobs.put_file(key, path, facts)
        await mirrored.put(key, SOUND[:-1] + b"\0")
        return done

    damaging.instead["put_file"] = put_file
    stores = {**mirrored.backend.stores.by_location, Location.MIRROR: replace(store, blobs=damaging)}
    mirror = replace(mirrored.mirror, stores=replace(mirrored.backend.stores, by_location=stores))
    with pytest.raises(CopyDamagedError, match="SHA-256"):
        await mirror.copy(audio)
    assert await mirrored.differences() == [(Differs.OTHER, audio.object_key)]
    assert await mirrored.mirror.copy(audio) is Copied.COPIED
    assert await mirrored.copied(audio) == SOUND


async def test_a_deletion_during_the_copy_leaves_nothing(mirrored: Mirrored, relay: Relay, file: Path) -> None:
    relay.cut()
    audio = await mirrored.storage.store_file(mirrored.stage.wish(), written(file))
    relay.mend()
    store = mirrored.backend.stores.by_location[Location.MIRROR]
    late = Between(store.blobs)
    # D1 to D3 happen before the PUT, which then lands where nobody looks any more.
    late.before["put_file"] = lambda: mirrored.storage.delete_audio(audio.name)
    stores = {**mirrored.backend.stores.by_location, Location.MIRROR: replace(store, blobs=late)}
    mirror = replace(mirrored.mirror, stores=replace(mirrored.backend.stores, by_location=stores))
    assert await mirror.copy(audio) is Copied.GONE
    assert await mirrored.copied(audio) is None


@asynccontextmanager
async def swapped(mirrored: Mirrored) -> AsyncIterator[StorageUseCases]:
    """Storage as it starts after the swap: the mirror's bucket is the first one, and the other way round."""
    new, old = mirrored.options, replace(mirrored.options, bucket=mirrored.backend.bucket)
    clock, session = mirrored.clock, emulated_session()
    async with with_mirror(
        open_aws(new, timing=Timing(), now=clock.now, session=session), old, now=clock.now, session=session
    ) as backend:
        yield StorageUseCases.over(replace(mirrored.world, backend=backend))


async def body_of(calls: StorageUseCases, audio: Audio) -> bytes:
    return b"".join([chunk async for chunk in calls.read_audio(audio, offset=0, limit=0)])


async def got(calls: StorageUseCases, name: AudioName) -> bytes:
    [link] = (await calls.sign_urls([name], ttl=None, attachment=False)).values()
    async with httpx.AsyncClient(timeout=60) as http:
        return (await http.get(str(getattr(link, "url")))).content  # noqa: B009 - an outcome may be an exception


@pytest.mark.parametrize("facts", [{}, RECORDING])
async def test_after_the_swap_all_is_read_and_deleted_as_before(
    mirrored: Mirrored, file: Path, facts: dict[str, Any]
) -> None:
    audio = await mirrored.saved(file, **facts)
    await mirrored.queue.drained()
    async with swapped(mirrored) as calls:
        row = await calls.get_audio(audio.name)
        read, played = await body_of(calls, row), await got(calls, audio.name)
        assert await calls.delete_audio(audio.name)
    assert (row.location, read, played) == (Location.S3, SOUND, SOUND)
    assert await mirrored.copied(audio) is None
    assert await mirrored.backend.stores.first.blobs.head(audio.object_key) is None


async def test_after_the_swap_what_has_another_etag_there_is_read(mirrored: Mirrored, file: Path) -> None:
    """As of what was put in parts, and of stores that encrypt with keys of their own."""
    audio = await mirrored.storage.store_file(mirrored.stage.wish(**RECORDING), written(file))
    await asyncio.to_thread(put_in_parts, mirrored, audio)
    async with swapped(mirrored) as calls:
        assert await body_of(calls, audio) == SOUND


def put_in_parts(mirrored: Mirrored, audio: Audio) -> None:
    s3, place = mirrored.raw.s3, {"Bucket": mirrored.bucket, "Key": audio.object_key}
    begun = s3.create_multipart_upload(**place, Metadata={"attempt": audio.attempt})["UploadId"]
    part = s3.upload_part(**place, UploadId=begun, PartNumber=1, Body=SOUND)
    s3.complete_multipart_upload(
        **place, UploadId=begun, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    )


def written(file: Path) -> Path:
    file.write_bytes(SOUND)
    return file

"""R17: an outage of S3 over a real connection, and a folder beside it."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx
import pytest

from mayfly_storage.agreement import FolderDisagreementError, FolderInUseError, agree_on_folder, retire_folder
from mayfly_storage.backends.aws.backend import open_aws
from mayfly_storage.backends.aws.clients import make_clients
from mayfly_storage.backends.aws.testing import emulated_options, emulated_session
from mayfly_storage.domain.audio import Location
from mayfly_storage.domain.errors import BackendUnavailableError
from mayfly_storage.domain.timing import Timing
from mayfly_storage.readiness import check_backend
from mayfly_storage.testing import SOUND
from mayfly_storage.testing.relay import Relay, relay_to
from mayfly_storage.testing.replica import SOON, Replica, open_replica, provision
from mayfly_storage.testing.sweeping import leaks, sweep

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from mayfly_runtime.testing import FakeClock
    from mayfly_storage.backends.aws.options import AwsOptions

MOMENT = timedelta(milliseconds=1)


@pytest.fixture
async def relay(aws_url: str) -> AsyncIterator[Relay]:
    async with relay_to(aws_url) as relay:
        yield relay


@pytest.fixture
def options(aws_url: str, relay: Relay) -> AwsOptions:
    """S3 behind the relay; DynamoDB always answers."""
    return replace(emulated_options(aws_url), s3_endpoint_url=relay.url, connect_timeout=SOON, attempts=1)


@pytest.fixture
async def replica(options: AwsOptions, tmp_path: Path, clock: FakeClock) -> AsyncIterator[Replica]:
    await asyncio.to_thread(provision, options)
    async with open_replica(options, tmp_path / "shared", clock) as replica:
        yield replica


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "sound"
    path.write_bytes(SOUND)
    return path


@pytest.fixture
def another(tmp_path: Path) -> Path:
    path = tmp_path / "another"
    path.write_bytes(SOUND)
    return path


async def got(url: str) -> httpx.Response:
    async with httpx.AsyncClient(timeout=60) as http:
        return await http.get(url)


async def until_it_landed(replica: Replica, key: str) -> None:
    """Until the PUT that hung is an object, and older than any period of grace."""
    s3 = replica.backend.stores.first.blobs
    async with asyncio.timeout(60):
        while (blob := await s3.head(key)) is None or await s3.store_time() <= blob.modified_time:  # noqa: ASYNC110 - a foreign clock has no event
            await asyncio.sleep(0.1)


async def test_an_outage_is_survived_and_s3_takes_over_again(
    replica: Replica, relay: Relay, file: Path, another: Path
) -> None:
    relay.cut()
    during = await replica.saved(file)
    played = await got(await replica.url(during))
    relay.mend()
    after = await replica.saved(another)
    assert (during.location, after.location) == (Location.LOCAL, Location.S3)
    assert (played.status_code, played.content) == (200, SOUND)
    assert (await got(await replica.url(after))).content == SOUND


async def test_readiness_says_that_all_is_well_and_ends_the_outage(replica: Replica, relay: Relay) -> None:
    fallback = replica.backend.stores.fallback
    assert fallback is not None
    relay.cut()
    for _ in range(3):
        await check_backend(replica.backend, within=SOON)
    assert fallback.outage is not None
    assert "rror" in fallback.outage.cause
    relay.mend()
    await check_backend(replica.backend, within=SOON)
    assert fallback.outage is None


async def test_an_s3_that_hangs_is_away(
    options: AwsOptions, relay: Relay, tmp_path: Path, clock: FakeClock, file: Path
) -> None:
    await asyncio.to_thread(provision, options)
    # Objects are dated by the store's own clock, so grace has to be shorter than the test.
    short = Timing(upload_lifetime=MOMENT, late_put_bound=MOMENT, orphan_grace=3 * MOMENT)
    async with open_replica(
        options, tmp_path / "shared", clock, timing=short, patience=timedelta(seconds=0.3)
    ) as replica:
        relay.hang()
        during = await replica.saved(file)
        await check_backend(replica.backend, within=timedelta(seconds=1))
        audio, _ = await replica.storage.create_upload(replica.stage.wish())
        assert (during.location, audio.location) == (Location.LOCAL, Location.LOCAL)
        relay.mend()
        await check_backend(replica.backend, within=SOON)
        await until_it_landed(replica, during.object_key)
        for _ in range(2):
            clock.advance(timedelta(hours=1))
            await sweep(replica.retention)
        assert (await got(await replica.url(during))).content == SOUND
        assert await leaks(replica.backend, replica.world.collections) == []


async def test_grants_during_an_outage_lead_to_the_folder(replica: Replica, relay: Relay) -> None:
    relay.cut()
    for _ in range(3):
        await check_backend(replica.backend, within=SOON)
    audio, grant = await replica.storage.create_upload(replica.stage.wish())
    assert grant is not None
    async with httpx.AsyncClient(timeout=60) as http:
        answer = await http.put(grant.url, headers=dict(grant.headers), content=SOUND)
    assert answer.is_success
    stored = await replica.storage.commit_upload(audio.name, grant.attempt)
    assert stored.location is Location.LOCAL
    assert (await got(await replica.url(stored))).content == SOUND


async def test_the_row_says_where_the_audio_is(
    replica: Replica, relay: Relay, file: Path, another: Path, options: AwsOptions
) -> None:
    relay.cut()
    during = await replica.saved(file)
    relay.mend()
    after = await replica.saved(another)
    clients = make_clients(options, session=emulated_session())  # of DynamoDB, which is not behind the relay
    items = {
        audio.location: clients.dynamodb.get_item(
            TableName=options.table, Key={"date": {"S": audio.name.date}, "audio_id": {"S": audio.name.audio_id}}
        )["Item"]
        for audio in (during, after)
    }
    clients.close()
    assert "s3_url" not in items[Location.LOCAL]
    assert items[Location.S3]["s3_url"] == {"S": f"s3://{options.bucket}/{after.object_key}"}


async def test_after_an_outage_two_sweeps_leave_what_lives_and_nothing_else(
    replica: Replica, relay: Relay, file: Path, another: Path, clock: FakeClock
) -> None:
    kept, short = {"ttl": timedelta(hours=20)}, {"ttl": timedelta(minutes=30)}
    relay.cut()
    living, ending = await replica.saved(file, **kept), await replica.saved(another, **short)
    relay.mend()
    assert Location.LOCAL is living.location is ending.location
    for _ in range(2):
        clock.advance(timedelta(hours=1))
        await sweep(replica.retention)
    assert await leaks(replica.backend, replica.world.collections) == []
    names = await replica.backend.catalog.get_many([living.name, ending.name])
    assert set(names) == {living.name}
    assert await replica.backend.stores.of(living).blobs.present([living.object_key])


async def test_replicas_that_share_the_folder_read_each_other(
    replica: Replica, relay: Relay, options: AwsOptions, tmp_path: Path, clock: FakeClock, file: Path
) -> None:
    async with open_replica(options, tmp_path / "shared", clock) as other:
        relay.cut()
        stored = await replica.saved(file)
        url = await other.url(stored)
        assert (await got(url)).content == SOUND
        assert urlsplit(url).netloc != urlsplit(await replica.url(stored)).netloc


async def test_a_replica_with_another_folder_does_not_start(
    replica: Replica, options: AwsOptions, tmp_path: Path, clock: FakeClock
) -> None:
    async with AsyncExitStack() as stack:
        with pytest.raises(FolderDisagreementError, match="share that folder"):
            await stack.enter_async_context(open_replica(options, tmp_path / "mine", clock))


async def test_a_replica_without_the_folder_does_not_start_until_it_is_retired(
    replica: Replica, relay: Relay, options: AwsOptions, clock: FakeClock, file: Path
) -> None:
    relay.cut()
    stored = await replica.saved(file)
    relay.mend()
    session = emulated_session()
    async with open_aws(options, timing=Timing(), now=clock.now, session=session) as without:
        with pytest.raises(FolderDisagreementError, match="MAYFLY_STORAGE_FALLBACK_DIR"):
            await agree_on_folder(without)
        with pytest.raises(FolderInUseError, match="1 audios"):
            await retire_folder(without, lose=False)
        await replica.storage.delete_audio(stored.name)
        clock.advance(timedelta(hours=1))
        await sweep(replica.retention)
        assert await retire_folder(without, lose=False) == replica.backend.folder
        await agree_on_folder(without)
        assert await retire_folder(without, lose=False) == ""


async def test_uploads_to_s3_can_be_switched_off(
    replica: Replica, options: AwsOptions, tmp_path: Path, clock: FakeClock, file: Path, another: Path
) -> None:
    before = await replica.saved(file)
    async with open_replica(options, tmp_path / "shared", clock, forced=True) as rolled_back:
        after = await rolled_back.saved(another)
        assert (before.location, after.location) == (Location.S3, Location.LOCAL)
        assert (await got(await rolled_back.url(before))).content == SOUND
        assert (await got(await rolled_back.url(after))).content == SOUND


async def test_without_a_fallback_an_outage_is_told(
    options: AwsOptions, relay: Relay, clock: FakeClock, file: Path
) -> None:
    await asyncio.to_thread(provision, options)
    session = emulated_session()
    async with open_aws(options, timing=Timing(), now=clock.now, session=session) as backend:
        relay.cut()
        with pytest.raises(BackendUnavailableError):
            await Replica(backend, clock, Timing()).saved(file)

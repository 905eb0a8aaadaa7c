"""A storage process over S3 that goes away: it starts, serves, says so, and comes back; what it refuses; its death."""

from __future__ import annotations

import asyncio
import re
import signal
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import grpc.aio
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from mayfly.storage.v1 import audio_pb2
from mayfly.storage.v1 import storage_service_pb2 as pb

from mayfly_runtime.testing import FakeClock
from mayfly_storage.backends.aws.clients import make_clients
from mayfly_storage.backends.aws.testing import emulated_options, emulated_session
from mayfly_storage.domain.audio import Location
from mayfly_storage.domain.failpoints import Failpoint
from mayfly_storage.testing import SOUND
from mayfly_storage.testing.process import Callers, storage_process
from mayfly_storage.testing.relay import Relay, relay_to
from mayfly_storage.testing.replica import open_replica, provision
from mayfly_storage.testing.sweeping import all_objects, all_rows, leaks, sweep

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from mayfly_storage.backends.aws.options import AwsOptions


@pytest.fixture
async def relay(aws_url: str) -> AsyncIterator[Relay]:
    async with relay_to(aws_url) as relay:
        yield relay


@pytest.fixture
def options(aws_url: str, relay: Relay) -> AwsOptions:
    return replace(emulated_options(aws_url), s3_endpoint_url=relay.url, attempts=1)


@pytest.fixture
async def settings(aws_url: str, relay: Relay, tmp_path: Path, options: AwsOptions) -> Mapping[str, str]:
    await asyncio.to_thread(provision, options)
    return {
        "MAYFLY_STORAGE_BACKEND": "aws",
        "MAYFLY_STORAGE_BUCKET": options.bucket,
        "MAYFLY_STORAGE_TABLE": options.table,
        "MAYFLY_STORAGE_REGION": options.region,
        "MAYFLY_STORAGE_S3_ENDPOINT_URL": relay.url,
        "MAYFLY_STORAGE_DYNAMODB_ENDPOINT_URL": aws_url,
        "MAYFLY_STORAGE_ADDRESSING_STYLE": "path",
        "MAYFLY_STORAGE_FALLBACK_DIR": str(tmp_path / "shared"),
        "MAYFLY_STORAGE_FALLBACK_THRESHOLD": "1",
        "MAYFLY_STORAGE_READINESS_INTERVAL": "3s",  # so long may a check take: one that is late begins an outage
        "MAYFLY_STORAGE_AWS_ATTEMPTS": "1",
        "MAYFLY_STORAGE_PRIVACY_SECRET": "a secret of the tests, and long enough",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }


async def info_until(callers: Callers, *, active: bool) -> pb.GetStorageInfoResponse:
    """What GetStorageInfo says, once the fallback is as it should be."""
    async with asyncio.timeout(30):
        while True:
            info = await callers.storage.GetStorageInfo(pb.GetStorageInfoRequest())
            if info.fallback_active is active:
                return info
            await asyncio.sleep(0.1)


async def location_of(callers: Callers, name: str) -> audio_pb2.Audio.Location:
    return (await callers.storage.GetAudio(pb.GetAudioRequest(name=name))).audio.location


async def health_of(callers: Callers) -> health_pb2.HealthCheckResponse.ServingStatus:
    health = health_pb2_grpc.HealthStub(callers.channel)
    answer = await health.Check(health_pb2.HealthCheckRequest(service="mayfly.storage.v1.StorageService"))  # type: ignore[attr-defined] # the stub has no types
    return answer.status  # type: ignore[no-any-return] # as above


async def test_it_starts_serves_and_says_so_while_s3_is_away(
    settings: Mapping[str, str], relay: Relay, tmp_path: Path
) -> None:
    relay.cut()
    async with storage_process(tmp_path / "data", settings) as (process, callers):
        during = await callers.stream(SOUND)
        info = await info_until(callers, active=True)
        assert info.fallback_cause
        assert info.HasField("fallback_begin_time")
        assert await location_of(callers, during) == audio_pb2.Audio.LOCATION_LOCAL
        relay.mend()
        await info_until(callers, active=False)
        after = await callers.stream(SOUND)
        assert await location_of(callers, after) == audio_pb2.Audio.LOCATION_S3
        process.terminate()
        said = await asyncio.wait_for(callers.said.to_the_end(), timeout=30)
    events = re.findall(r'"event": "(fallback\.\w+)"', said)
    assert events.count("fallback.ended") == 1
    assert process.returncode == 0


async def test_it_is_healthy_while_the_folder_takes_new_audio(
    settings: Mapping[str, str], relay: Relay, tmp_path: Path
) -> None:
    async with storage_process(tmp_path / "data", settings) as (_, callers):
        relay.cut()
        await info_until(callers, active=True)
        assert await health_of(callers) == health_pb2.HealthCheckResponse.SERVING
        relay.mend()


async def test_a_bucket_that_goes_is_no_outage_and_no_health(
    settings: Mapping[str, str], options: AwsOptions, tmp_path: Path
) -> None:
    async with storage_process(tmp_path / "data", settings) as (_, callers):
        clients = make_clients(options, session=emulated_session())
        await asyncio.to_thread(clients.s3.delete_bucket, Bucket=options.bucket)
        clients.close()
        with pytest.raises(grpc.aio.AioRpcError, match="NoSuchBucket") as refused:
            await callers.stream(SOUND)
        assert refused.value.code() is grpc.StatusCode.FAILED_PRECONDITION
        async with asyncio.timeout(30):
            while await health_of(callers) == health_pb2.HealthCheckResponse.SERVING:  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.1)
        assert [path for path in (tmp_path / "shared/objects").rglob("*") if path.is_file()] == []


SAVE_POINTS = [Failpoint.AFTER_W1, Failpoint.BEFORE_W2, Failpoint.AFTER_W2, Failpoint.AFTER_W3]


@pytest.mark.parametrize("point", SAVE_POINTS)
async def test_a_process_that_dies_while_s3_is_away_leaves_nothing_that_two_sweeps_do_not_take(
    settings: Mapping[str, str], relay: Relay, options: AwsOptions, tmp_path: Path, point: Failpoint
) -> None:
    # The row is made before anybody knows that S3 is away: that is where the two stores could be taken for each other.
    patient = {**settings, "MAYFLY_STORAGE_FALLBACK_THRESHOLD": "1000000", "MAYFLY_STORAGE_FAILPOINT": point}
    async with storage_process(tmp_path / "data", patient) as (process, callers):
        relay.cut()
        with pytest.raises(grpc.aio.AioRpcError):
            await callers.stream(SOUND)
        assert await asyncio.wait_for(process.wait(), timeout=30) == -signal.SIGKILL
    relay.mend()
    clock = FakeClock(datetime.now(UTC))
    async with open_replica(options, tmp_path / "shared", clock) as after:
        [row] = await all_rows(after.backend.catalog)
        assert (row.location is Location.LOCAL) == (point is Failpoint.AFTER_W3)
        placed = await all_objects(after.backend, after.world.collections)
        assert len(placed) == (point in {Failpoint.AFTER_W2, Failpoint.AFTER_W3})
        for _ in range(2):
            clock.advance(timedelta(hours=25))
            await sweep(after.retention)
        assert await leaks(after.backend, after.world.collections) == []
        assert await after.backend.catalog.get_many([row.name]) == {}


async def test_it_does_not_start_without_the_folder_that_others_use(
    settings: Mapping[str, str], tmp_path: Path
) -> None:
    async with storage_process(tmp_path / "data", settings) as (process, _):
        process.terminate()
        await asyncio.wait_for(process.wait(), timeout=30)
    without = {name: value for name, value in settings.items() if "FALLBACK" not in name}
    with pytest.raises(AssertionError, match="MAYFLY_STORAGE_FALLBACK_DIR"):
        async with storage_process(tmp_path / "data", without):
            pass

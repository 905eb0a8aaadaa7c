"""A storage process over S3 that goes away: it starts, serves, says so, and comes back; and what it refuses."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from mayfly.storage.v1 import audio_pb2
from mayfly.storage.v1 import storage_service_pb2 as pb

from mayfly_storage.backends.aws.clients import make_clients
from mayfly_storage.backends.aws.provision import ensure_bucket_and_table
from mayfly_storage.backends.aws.testing import emulated_options, emulated_session
from mayfly_storage.testing import SOUND
from mayfly_storage.testing.process import Callers, storage_process
from mayfly_storage.testing.relay import Relay, relay_to

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    import grpc.aio


@pytest.fixture
async def relay(aws_url: str) -> AsyncIterator[Relay]:
    async with relay_to(aws_url) as relay:
        yield relay


@pytest.fixture
async def settings(aws_url: str, relay: Relay, tmp_path: Path) -> Mapping[str, str]:
    options = emulated_options(aws_url)
    clients = make_clients(options, session=emulated_session())
    await asyncio.to_thread(ensure_bucket_and_table, clients, options)
    clients.close()
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
        "MAYFLY_STORAGE_READINESS_INTERVAL": "1s",
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
        _, said = await asyncio.wait_for(process.communicate(), timeout=30)
    events = re.findall(r'"event": "(fallback\.\w+)"', said.decode())
    assert events.count("fallback.ended") == 1
    assert process.returncode == 0


async def test_it_is_healthy_while_the_folder_takes_new_audio(
    settings: Mapping[str, str], relay: Relay, tmp_path: Path
) -> None:
    async with storage_process(tmp_path / "data", settings) as (_, callers):
        relay.cut()
        await info_until(callers, active=True)
        channel: grpc.aio.Channel = callers.channel
        health = health_pb2_grpc.HealthStub(channel)
        answer = await health.Check(health_pb2.HealthCheckRequest(service="mayfly.storage.v1.StorageService"))  # type: ignore[attr-defined] # the stub has no types
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
        relay.mend()


async def test_it_does_not_start_without_the_folder_that_others_use(
    settings: Mapping[str, str], tmp_path: Path
) -> None:
    async with storage_process(tmp_path / "data", settings) as (process, _):
        process.terminate()
        await asyncio.wait_for(process.communicate(), timeout=30)
    without = {name: value for name, value in settings.items() if "FALLBACK" not in name}
    with pytest.raises(AssertionError, match="MAYFLY_STORAGE_FALLBACK_DIR"):
        async with storage_process(tmp_path / "data", without):
            pass

"""The whole of storage in this process, on free ports: health, reflection, rights, and both services."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING
from uuid import uuid4

import grpc.aio
import pytest
from grpc import StatusCode
from grpc_health.v1 import health_pb2, health_pb2_grpc
from mayfly.storage.v1 import audio_pb2
from mayfly.storage.v1 import retention_service_pb2 as retention_pb
from mayfly.storage.v1 import storage_service_pb2 as pb
from mayfly.storage.v1.retention_service_pb2_grpc import RetentionServiceStub
from mayfly.storage.v1.storage_service_pb2_grpc import StorageServiceStub

from mayfly_runtime.server import PortInUseError
from mayfly_runtime.testing import rpc_error
from mayfly_storage.app import running_storage
from mayfly_storage.config import StorageSettings
from mayfly_storage.testing import SOUND
from tools.stack.layout import Ports

if TYPE_CHECKING:
    from pathlib import Path

FREE = {"listen": "127.0.0.1:0", "retention_listen": "127.0.0.1:0", "links_listen": "127.0.0.1:0"}
CALLERS = """
[[callers]]
name = "synth"
token_sha256 = "{synth}"
methods = ["/mayfly.storage.v1.StorageService/*"]

[[callers]]
name = "sweeper"
token_sha256 = "{sweeper}"
methods = ["/mayfly.storage.v1.RetentionService/*"]
"""


def settings(folder: Path, **changes: object) -> StorageSettings:
    return StorageSettings.load(data_dir=folder / "data", **(FREE | changes))


def header() -> pb.UploadAudioRequest:
    audio = audio_pb2.NewAudio(collection="temp-audio", content_type="audio/wav", text="hello")
    return pb.UploadAudioRequest(header=pb.UploadAudioHeader(request_id=str(uuid4()), audio=audio))


FOOTER = pb.UploadAudioRequest(footer=pb.UploadAudioFooter(size_bytes=len(SOUND)))


async def test_both_services_serve_each_on_its_port(tmp_path: Path) -> None:
    async with (
        running_storage(settings(tmp_path)) as running,
        grpc.aio.insecure_channel(running.storage.address) as one,
        grpc.aio.insecure_channel(running.retention.address) as other,
    ):
        storage, retention = StorageServiceStub(one), RetentionServiceStub(other)
        messages = [header(), pb.UploadAudioRequest(chunk=SOUND), FOOTER]
        audio = (await storage.UploadAudio(iter(messages))).audio
        due = await retention.ListExpired(retention_pb.ListExpiredRequest())

        assert (audio.sha256, audio.text) == (hashlib.sha256(SOUND).digest(), "")
        assert len(audio.text_hash) == 32  # what is kept of a text unless a setting says otherwise
        assert not due.items
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await RetentionServiceStub(one).ListExpired(retention_pb.ListExpiredRequest())
        assert rpc_error(failed).code is StatusCode.UNIMPLEMENTED


async def test_both_servers_tell_their_health(tmp_path: Path) -> None:
    async with running_storage(settings(tmp_path)) as running:
        for server, service in (
            (running.storage, "mayfly.storage.v1.StorageService"),
            (running.retention, "mayfly.storage.v1.RetentionService"),
        ):
            async with grpc.aio.insecure_channel(server.address) as channel:
                health = health_pb2_grpc.HealthStub(channel)
                for name in ("", service):
                    answer = await health.Check(health_pb2.HealthCheckRequest(service=name))
                    assert answer.status == health_pb2.HealthCheckResponse.SERVING


async def test_a_caller_has_its_own_rights_and_its_own_name(tmp_path: Path) -> None:
    hashes = {name: hashlib.sha256(name.encode()).hexdigest() for name in ("synth", "sweeper")}
    (tmp_path / "callers.toml").write_text(CALLERS.format(**hashes))
    (tmp_path / "collections.toml").write_text(
        '[clips]\nkeys = ["clips/{date}/{audio_id}.{ext}"]\nurl_lifetime_seconds = 60\nmax_size_bytes = 5000\n'
        'content_types = ["audio/wav"]\nwriters = ["gateway"]\n'
    )
    files = {"callers_file": tmp_path / "callers.toml", "collections_file": tmp_path / "collections.toml"}
    async with (
        running_storage(settings(tmp_path, **files)) as running,
        grpc.aio.insecure_channel(running.storage.address) as channel,
    ):
        stub = StorageServiceStub(channel)
        synth, sweeper = (("authorization", "Bearer synth"),), (("authorization", "Bearer sweeper"),)
        clip = pb.CreateUploadRequest(
            request_id=str(uuid4()),
            audio=audio_pb2.NewAudio(collection="clips", content_type="audio/wav"),
            size_bytes=1,
            sha256=bytes(32),
        )
        reasons = []
        for call in (
            stub.GetStorageInfo(pb.GetStorageInfoRequest()),
            stub.GetStorageInfo(pb.GetStorageInfoRequest(), metadata=sweeper),
            stub.CreateUpload(clip, metadata=synth),
        ):
            with pytest.raises(grpc.aio.AioRpcError) as failed:
                await call
            reasons.append(rpc_error(failed).reason)

        assert reasons == ["CALLER_UNAUTHENTICATED", "CALLER_FORBIDDEN", "COLLECTION_FORBIDDEN"]
        assert (await stub.GetStorageInfo(pb.GetStorageInfoRequest(), metadata=synth)).backend == "embedded"


async def test_what_was_saved_is_there_after_a_restart(tmp_path: Path) -> None:
    async with (
        running_storage(settings(tmp_path)) as running,
        grpc.aio.insecure_channel(running.storage.address) as channel,
    ):
        messages = [header(), pb.UploadAudioRequest(chunk=SOUND), FOOTER]
        saved = (await StorageServiceStub(channel).UploadAudio(iter(messages))).audio

    async with (
        running_storage(settings(tmp_path)) as running,
        grpc.aio.insecure_channel(running.storage.address) as channel,
    ):
        got = await StorageServiceStub(channel).GetAudio(pb.GetAudioRequest(name=saved.name))

    assert got.audio == saved


async def test_a_start_that_fails_leaves_nothing_open(tmp_path: Path) -> None:
    taken = f"127.0.0.1:{Ports.free().retention}"
    async with running_storage(settings(tmp_path, retention_listen=taken)):
        with pytest.raises(PortInUseError):
            async with running_storage(settings(tmp_path / "other", retention_listen=taken)):
                raise AssertionError("it started")

    async with running_storage(settings(tmp_path / "other", retention_listen=taken)) as again:
        assert again.retention.address == taken

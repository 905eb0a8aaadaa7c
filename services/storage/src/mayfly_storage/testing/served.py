"""Storage behind real servers on port 0, for tests that call it as its callers do."""

from __future__ import annotations

import hashlib
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from mayfly.storage.v1 import audio_pb2
from mayfly.storage.v1 import storage_service_pb2 as pb
from mayfly.storage.v1.retention_service_pb2_grpc import (
    RetentionServiceStub,
    add_RetentionServiceServicer_to_server,
)
from mayfly.storage.v1.storage_service_pb2_grpc import StorageServiceStub, add_StorageServiceServicer_to_server

from mayfly_runtime.offload import Offload
from mayfly_runtime.telemetry import Telemetry
from mayfly_runtime.testing import serve_in_process
from mayfly_storage.testing.builders import SOUND
from mayfly_storage.transport.audit import Audit
from mayfly_storage.transport.errors import DOMAIN, ERROR_TABLE
from mayfly_storage.transport.retention_servicer import RetentionServicer
from mayfly_storage.transport.spool import Spool
from mayfly_storage.transport.storage_servicer import StorageServicer
from mayfly_storage.transport.upload_stream import UploadReceiver
from mayfly_storage.usecases.assembly import RetentionUseCases, StorageUseCases

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import grpc.aio
    from mayfly.storage.v1.retention_service_pb2_grpc import RetentionServiceAsyncStub
    from mayfly.storage.v1.storage_service_pb2_grpc import StorageServiceAsyncStub

    from mayfly_runtime.testing import FakeClock
    from mayfly_storage.testing.contract import FollowLink
    from mayfly_storage.testing.stage import Stage
    from mayfly_storage.usecases.assembly import World


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """Two stubs and what is behind them."""

    storage: StorageServiceAsyncStub
    retention: RetentionServiceAsyncStub
    channels: tuple[grpc.aio.Channel, grpc.aio.Channel]
    """To StorageService and to RetentionService, for messages that no stub would send."""
    stage: Stage
    """Its ports are those behind the stubs for `memory` alone; its clock always is."""
    spool: Path
    follow: FollowLink
    """What is behind a link."""

    @property
    def clock(self) -> FakeClock:
        """What storage takes for the time."""
        return self.stage.clock

    def create(self, body: bytes = SOUND, **audio: Any) -> pb.CreateUploadRequest:
        """A request that announces bytes."""
        facts = {"collection": "temp-audio", "content_type": "audio/wav", **audio}
        return pb.CreateUploadRequest(
            request_id=str(uuid4()),
            audio=audio_pb2.NewAudio(**facts),
            size_bytes=len(body),
            sha256=hashlib.sha256(body).digest(),
        )

    async def saved(self, body: bytes = SOUND, **audio: Any) -> audio_pb2.Audio:
        """A READY audio, by CreateUpload, PUT and CommitUpload."""
        created = await self.storage.CreateUpload(self.create(body, **audio))
        grant = created.grant
        answer = await self.follow(grant.method, grant.url, headers=dict(grant.headers), body=body)
        if answer.status not in {200, 201}:
            raise AssertionError(f"the PUT was refused: {answer}")
        committed = await self.storage.CommitUpload(
            pb.CommitUploadRequest(name=created.audio.name, attempt=grant.attempt)
        )
        return committed.audio


@asynccontextmanager
async def serve(
    stage: Stage, world: World, folder: Path, *, follow: FollowLink, telemetry: Telemetry | None = None
) -> AsyncIterator[Served]:
    """Serve a world.

    Args:
        stage: Whose clock the world goes by.
        world: What is served; often the stage's own.
        folder: Where the spool may be.
        follow: Sends requests to the world's links.
        telemetry: By default nothing is recorded.
    """
    offload = Offload(name="spool", workers=2, queue=10)
    spool = await Spool.open(folder / "spool", offload)
    calls = StorageUseCases.over(world)
    audit = Audit((telemetry or Telemetry.disabled()).meter)
    storage = StorageServicer(calls, uploads=UploadReceiver(admit=calls.admit_stream, spool=spool), audit=audit)
    retention = RetentionServicer(RetentionUseCases.over(world))
    wire: dict[str, Any] = {"errors": ERROR_TABLE, "domain": DOMAIN, "telemetry": telemetry}
    async with (
        serve_in_process(
            add_StorageServiceServicer_to_server, storage, service="mayfly.storage.v1.StorageService", **wire
        ) as one,
        serve_in_process(
            add_RetentionServiceServicer_to_server, retention, service="mayfly.storage.v1.RetentionService", **wire
        ) as other,
    ):
        yield Served(
            storage=StorageServiceStub(one),
            retention=RetentionServiceStub(other),
            channels=(one, other),
            stage=stage,
            spool=folder / "spool",
            follow=follow,
        )
    await offload.shutdown()

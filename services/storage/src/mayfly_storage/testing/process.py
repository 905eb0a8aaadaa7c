"""A storage process that can be killed, and what its callers were told until then."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import sys
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from uuid import uuid4

import grpc.aio
import httpx
from mayfly.storage.v1 import audio_pb2
from mayfly.storage.v1 import retention_service_pb2 as retention_pb
from mayfly.storage.v1 import storage_service_pb2 as pb
from mayfly.storage.v1.retention_service_pb2_grpc import RetentionServiceStub
from mayfly.storage.v1.storage_service_pb2_grpc import StorageServiceStub

from mayfly_storage.domain.audio import Location
from mayfly_storage.testing.said import Said, heard

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from mayfly.storage.v1.retention_service_pb2_grpc import RetentionServiceAsyncStub
    from mayfly.storage.v1.storage_service_pb2_grpc import StorageServiceAsyncStub

    from mayfly_storage.domain.retention import DueItem

FREE = {
    "MAYFLY_STORAGE_LISTEN": "127.0.0.1:0",
    "MAYFLY_STORAGE_RETENTION_LISTEN": "127.0.0.1:0",
    "MAYFLY_STORAGE_LINKS_LISTEN": "127.0.0.1:0",
}
_SHOWN: Final = 10_000
"""Characters of what it said, beside the error of a test."""
LOCATIONS = {Location.LOCAL: audio_pb2.Audio.LOCATION_LOCAL, Location.S3: audio_pb2.Audio.LOCATION_S3}


@dataclass
class Callers:
    """Callers of one storage process; they note what they were told before they go on."""

    storage: StorageServiceAsyncStub
    retention: RetentionServiceAsyncStub
    http: httpx.AsyncClient
    channel: grpc.aio.Channel
    """To StorageService."""
    address: str
    """Of StorageService."""
    said: Said
    """What the process says."""
    told: dict[str, bytes] = field(default_factory=dict)
    """Bodies of what was acknowledged, by name."""
    unwanted: set[str] = field(default_factory=set)
    """What they asked to have deleted."""

    async def stream(self, body: bytes) -> str:
        """Save guest audio in one call."""
        audio = audio_pb2.NewAudio(collection="temp-audio", content_type="audio/wav")
        messages = [
            pb.UploadAudioRequest(header=pb.UploadAudioHeader(request_id=str(uuid4()), audio=audio)),
            pb.UploadAudioRequest(chunk=body),
            pb.UploadAudioRequest(footer=pb.UploadAudioFooter(size_bytes=len(body))),
        ]
        answer = await self.storage.UploadAudio(iter(messages))
        self.told[answer.audio.name] = body
        return answer.audio.name

    async def put(self, body: bytes, recording_id: str) -> pb.CreateUploadResponse:
        """Put a recording through a grant."""
        audio = audio_pb2.NewAudio(
            collection="recordings",
            content_type="audio/wav",
            key_fields={"recording_id": recording_id},
            subject=audio_pb2.Subject(user_id="u1"),
        )
        created = await self.storage.CreateUpload(
            pb.CreateUploadRequest(
                request_id=str(uuid4()), audio=audio, size_bytes=len(body), sha256=hashlib.sha256(body).digest()
            )
        )
        answer = await self.http.put(created.grant.url, headers=dict(created.grant.headers), content=body)
        if not answer.is_success:
            raise AssertionError(f"the PUT was refused: {answer}")
        return created

    async def record(self, body: bytes, recording_id: str) -> str:
        """Save a recording, at a key of the caller's choice."""
        created = await self.put(body, recording_id)
        await self.storage.CommitUpload(pb.CommitUploadRequest(name=created.audio.name, attempt=created.grant.attempt))
        self.told[created.audio.name] = body
        return created.audio.name

    async def abandon(self, body: bytes, recording_id: str) -> None:
        """Put a recording, and give it up."""
        created = await self.put(body, recording_id)
        await self.storage.AbandonUpload(
            pb.AbandonUploadRequest(name=created.audio.name, attempt=created.grant.attempt)
        )

    async def delete(self, name: str) -> None:
        """Have an audio deleted."""
        self.unwanted.add(name)
        await self.storage.DeleteAudio(pb.DeleteAudioRequest(name=name))

    async def purge(self, orphan: DueItem) -> None:
        """Have an orphan deleted, as the sweeper does."""
        item = retention_pb.DueItem(
            reason=retention_pb.DUE_REASON_ORPHAN_OBJECT,
            object_key=orphan.object_key,
            location=LOCATIONS[orphan.location],
            collection=orphan.collection,
            etag=orphan.etag,
        )
        await self.retention.PurgeAudio(retention_pb.PurgeAudioRequest(items=[item]))


@asynccontextmanager
async def storage_process(
    folder: Path, settings: Mapping[str, str]
) -> AsyncIterator[tuple[asyncio.subprocess.Process, Callers]]:
    """A storage process that serves from a data folder, and callers of it."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("MAYFLY_", "AWS_", "S3_"))}  # noqa: TID251 - a child inherits it
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "mayfly_storage",
        env=clean
        | FREE
        | {"MAYFLY_STORAGE_DATA_DIR": str(folder), "MAYFLY_STORAGE_LOG_FORMAT": "json"}
        | dict(settings),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    async with heard(process) as said:
        addresses = _addresses(await asyncio.wait_for(said.until('"storage.serving"'), timeout=60))
        try:
            async with _callers(addresses, said) as callers:
                yield process, callers
        except Exception as error:
            with suppress(TimeoutError):  # it may be about to end, and have more to say of it
                await asyncio.wait_for(said.to_the_end(), timeout=5)
            error.add_note(f"storage (exit status {process.returncode}) said last:\n{said.text[-_SHOWN:]}")
            raise


@asynccontextmanager
async def _callers(addresses: Mapping[str, str], said: Said) -> AsyncIterator[Callers]:
    async with (
        grpc.aio.insecure_channel(addresses["storage"]) as storage,
        grpc.aio.insecure_channel(addresses["retention"]) as retention,
        httpx.AsyncClient() as http,
    ):
        address = addresses["storage"]
        yield Callers(StorageServiceStub(storage), RetentionServiceStub(retention), http, storage, address, said)


def _addresses(said: str) -> dict[str, str]:
    """Where it serves."""
    return dict(re.findall(r'"(storage|retention)": "(127\.0\.0\.1:\d+)"', said))

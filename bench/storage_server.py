"""StorageService in a process of its own, over rows in memory.

`python -m bench.storage_server aws|memory COUNT` prints its port and the names of COUNT readable audios, and serves.
`aws` signs as the AWS backend does, with made-up credentials, and reaches no network.
"""

from __future__ import annotations

import asyncio
import secrets
import sys
import tempfile
import uuid
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import boto3
from mayfly.storage.v1.storage_service_pb2_grpc import add_StorageServiceServicer_to_server

from mayfly_runtime.identity import CallerRegistry
from mayfly_runtime.offload import Offload
from mayfly_runtime.server import ServerBuilder, ServerOptions
from mayfly_runtime.telemetry import Telemetry
from mayfly_storage import testing
from mayfly_storage.backends.aws.backend import open_aws
from mayfly_storage.backends.aws.options import AwsOptions
from mayfly_storage.collections_file import read_collections
from mayfly_storage.domain.audio import Location, State
from mayfly_storage.domain.privacy import Privacy
from mayfly_storage.domain.timing import Timing
from mayfly_storage.testing import memory_backend
from mayfly_storage.transport.errors import DOMAIN, ERROR_TABLE
from mayfly_storage.transport.spool import Spool
from mayfly_storage.transport.storage_servicer import StorageServicer
from mayfly_storage.transport.upload_stream import UploadReceiver
from mayfly_storage.usecases.assembly import StorageUseCases, World

if TYPE_CHECKING:
    from mayfly_storage.domain.audio import Audio
    from mayfly_storage.domain.ports import Backend

OPTIONS: Final = AwsOptions(bucket="mayfly-audio", region="eu-central-1")


def session() -> boto3.Session:
    """Made-up credentials as a role has them: with a session token of the usual length."""
    return boto3.Session("ASIAEXAMPLE", "made-up", "t" * 800)


def now() -> datetime:
    """The time."""
    return datetime.now(UTC)


def an_audio() -> Audio:
    """A readable audio of a guest, new."""
    return testing.an_audio(create_time=now(), location=Location.S3, state=State.READY, etag='"etag"')


async def backend_of(stack: AsyncExitStack, kind: str, audios: list[Audio]) -> Backend:
    """Rows in memory; links by the AWS backend's signer, or in memory, too."""
    memory = memory_backend(now=now)
    stores = memory.backend.stores
    if kind == "aws":
        aws = await stack.enter_async_context(open_aws(OPTIONS, timing=Timing(), now=now, session=session()))
        stores = aws.stores
    memory.catalog.rows.update({audio.name: replace(audio, location=stores.primary) for audio in audios})
    return replace(memory.backend, stores=stores)


async def serve(kind: str, count: int) -> None:
    """Until it is ended."""
    audios = [an_audio() for _ in range(count)]
    async with AsyncExitStack() as stack:
        pool = Offload(name="spool", workers=1, queue=1)
        stack.push_async_callback(pool.shutdown)
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        world = World(
            backend=await backend_of(stack, kind, audios),
            collections=read_collections(),
            privacy=Privacy(secret=secrets.token_bytes(32)),
            timing=Timing(),
            now=now,
            new_id=uuid.uuid4,
            new_attempt=lambda: secrets.token_hex(16),
        )
        calls = StorageUseCases.over(world)
        receiver = UploadReceiver(admit=calls.admit_stream, spool=await Spool.open(Path(folder), pool))
        builder = ServerBuilder(
            ServerOptions(listen="127.0.0.1:0"),
            domain=DOMAIN,
            errors=ERROR_TABLE,
            callers=CallerRegistry.loopback_only(),
            telemetry=Telemetry.disabled(),
        )
        servicer = StorageServicer(calls, uploads=receiver)
        builder.add(add_StorageServiceServicer_to_server, servicer, service="mayfly.storage.v1.StorageService")
        server = await builder.start()
        stack.push_async_callback(server.stop_now)
        print(server.port, *(audio.name for audio in audios), flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], int(sys.argv[2])))

"""StorageService in a process of its own, that holds rows of audio which nobody has saved.

`python -m bench.storage_server KIND COUNT` prints its port and the names of COUNT readable audios, and serves. Kinds:
`aws` has rows in memory, and signs as the AWS backend does, with made-up credentials and without any network; `aged` is
the same with audio of all ages, so that each link ends at another second; `embedded` is the whole embedded backend;
`moto` the whole AWS backend, on an emulator in a process of its own.
"""

from __future__ import annotations

import asyncio
import secrets
import subprocess
import sys
import tempfile
import uuid
from contextlib import AsyncExitStack, closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
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
from mayfly_storage.backends.aws.clients import make_clients
from mayfly_storage.backends.aws.options import AwsOptions
from mayfly_storage.backends.aws.rows import RowFormat
from mayfly_storage.backends.aws.testing import emulated_options, emulated_session, open_emulated
from mayfly_storage.backends.embedded.backend import open_embedded
from mayfly_storage.backends.embedded.options import EmbeddedOptions, LinkServerOptions
from mayfly_storage.collections_file import read_collections
from mayfly_storage.domain.audio import Location, State
from mayfly_storage.domain.privacy import Privacy
from mayfly_storage.domain.timing import Timing
from mayfly_storage.testing import memory_backend
from mayfly_storage.transport.audit import Audit
from mayfly_storage.transport.errors import DOMAIN, ERROR_TABLE
from mayfly_storage.transport.spool import Spool
from mayfly_storage.transport.storage_servicer import StorageServicer
from mayfly_storage.transport.upload_stream import UploadReceiver
from mayfly_storage.usecases.assembly import StorageUseCases, World

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_dynamodb.type_defs import WriteRequestTypeDef

    from mayfly_storage.domain.audio import Audio
    from mayfly_storage.domain.stores import Backend

OPTIONS: Final = AwsOptions(bucket="mayfly-audio", region="eu-central-1")
_AT_ONCE: Final = 500
_IN_A_BATCH: Final = 25
"""Of BatchWriteItem."""


def session() -> boto3.Session:
    """Made-up credentials as a role has them: with a session token of the usual length."""
    return boto3.Session("ASIAEXAMPLE", "made-up", "t" * 800)


def now() -> datetime:
    """The time."""
    return datetime.now(UTC)


def an_audio(*, age: timedelta = timedelta(0)) -> Audio:
    """A readable audio of a guest."""
    return testing.an_audio(create_time=now() - age, location=Location.S3, state=State.READY, etag='"etag"')


def audios_of(kind: str, count: int) -> list[Audio]:
    """So many audios; aged ones are up to 20 hours old, and no two of a thousand equally."""
    step = timedelta(hours=20) / count if kind == "aged" else timedelta(0)
    return [an_audio(age=number * step) for number in range(count)]


async def backend_of(stack: AsyncExitStack, kind: str, audios: list[Audio]) -> Backend:
    """A backend with the rows in it."""
    if kind == "embedded":
        return await on_files(stack, audios)
    if kind == "moto":
        return await on_moto(stack, audios)
    aws = await stack.enter_async_context(open_aws(OPTIONS, timing=Timing(), now=now, session=session()))
    memory = memory_backend(now=now)
    memory.catalog.rows.update({audio.name: audio for audio in audios})
    return replace(memory.backend, stores=aws.stores)


async def on_files(stack: AsyncExitStack, audios: list[Audio]) -> Backend:
    """SQLite, files, and links to a server of our own."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    options = EmbeddedOptions(data_dir=folder, links=LinkServerOptions(listen="127.0.0.1:0"))
    backend = await stack.enter_async_context(open_embedded(options, timing=Timing(), now=now))
    for start in range(0, len(audios), _AT_ONCE):
        some = [replace(audio, location=Location.LOCAL) for audio in audios[start : start + _AT_ONCE]]
        await asyncio.gather(*(backend.catalog.reserve(audio, None) for audio in some))
    return backend


async def on_moto(stack: AsyncExitStack, audios: list[Audio]) -> Backend:
    """The AWS backend; its rows are put into the table by boto3, since the emulator takes 30 ms for a transaction."""
    options = emulated_options(stack.enter_context(emulator()))
    backend = await stack.enter_async_context(open_emulated(options, now=now))
    rows = RowFormat(timing=Timing(), bucket=options.bucket, due_buckets=options.due_buckets)
    with closing(make_clients(options, session=emulated_session())) as clients:
        for start in range(0, len(audios), _IN_A_BATCH):
            some = audios[start : start + _IN_A_BATCH]
            puts: list[WriteRequestTypeDef] = [{"PutRequest": {"Item": rows.item(audio)}} for audio in some]
            clients.dynamodb.batch_write_item(RequestItems={options.table: puts})
    return backend


@contextmanager
def emulator() -> Iterator[str]:
    """An emulated AWS in a process of its own; its URL."""
    arguments = [sys.executable, "-m", "mayfly_storage.backends.aws.testing", "--port", "0"]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


async def serving(stack: AsyncExitStack, backend: Backend) -> int:
    """Serve StorageService over a backend until the stack is closed; the port."""
    pool = Offload(name="spool", workers=1, queue=1)
    stack.push_async_callback(pool.shutdown)
    folder = stack.enter_context(tempfile.TemporaryDirectory())
    calls = StorageUseCases.over(
        World(
            backend=backend,
            collections=read_collections(),
            privacy=Privacy(secret=secrets.token_bytes(32)),
            timing=Timing(),
            now=now,
            new_id=uuid.uuid4,
            new_attempt=lambda: secrets.token_hex(16),
        )
    )
    receiver = UploadReceiver(admit=calls.admit_stream, spool=await Spool.open(Path(folder), pool))
    telemetry = Telemetry.disabled()
    builder = ServerBuilder(
        ServerOptions(listen="127.0.0.1:0"),
        domain=DOMAIN,
        errors=ERROR_TABLE,
        callers=CallerRegistry.loopback_only(),
        telemetry=telemetry,
    )
    servicer = StorageServicer(calls, uploads=receiver, audit=Audit(telemetry.meter))
    builder.add(add_StorageServiceServicer_to_server, servicer, service="mayfly.storage.v1.StorageService")
    server = await builder.start()
    stack.push_async_callback(server.stop_now)
    return server.port


async def serve(kind: str, count: int) -> None:
    """Until it is ended."""
    audios = audios_of(kind, count)
    async with AsyncExitStack() as stack:
        port = await serving(stack, await backend_of(stack, kind, audios))
        print(port, *(audio.name for audio in audios), flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], int(sys.argv[2])))

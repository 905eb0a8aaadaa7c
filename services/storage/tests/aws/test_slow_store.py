"""An S3 that takes every request and answers none must not starve what needs no S3."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
import pytest
from mayfly.storage.v1 import storage_service_pb2 as pb

from mayfly_runtime.server_options import ServerOptions
from mayfly_storage.backends.aws.backend import open_aws
from mayfly_storage.backends.aws.options import AwsOptions
from mayfly_storage.backends.aws.testing import emulated_session
from mayfly_storage.domain.audio import Location, State
from mayfly_storage.domain.timing import Timing
from mayfly_storage.testing import an_audio
from mayfly_storage.testing.served import serve
from mayfly_storage.testing.stage import Stage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from mayfly_storage.testing.served import Served

CALLERS = 120
"""More than a server admits."""


@dataclass
class Silence:
    """A server that never answers."""

    url: str = ""
    connections: list[asyncio.StreamWriter] = field(default_factory=list)

    async def listen(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections.append(writer)


@asynccontextmanager
async def silence() -> AsyncIterator[Silence]:
    """Silent until it ends."""
    silent = Silence()
    async with await asyncio.start_server(silent.listen, "127.0.0.1", 0) as server:
        silent.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield silent


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    """Rows in memory, and an S3 that hangs."""
    stage = Stage()
    async with silence() as silent:
        options = AwsOptions(
            bucket="b", region="eu-central-1", s3_endpoint_url=silent.url, read_timeout=timedelta(minutes=1), attempts=1
        )
        async with open_aws(options, timing=Timing(), now=stage.clock.now, session=emulated_session()) as aws:
            backend = replace(stage.memory.backend, stores=aws.stores)
            async with serve(stage, replace(stage.world, backend=backend), tmp_path, follow=nobody) as served:
                yield served
            # Whoever still waits for S3 is told that it is gone, so that no thread outlives the test.
            for connection in silent.connections:
                connection.transport.abort()


async def nobody(*_: object, **__: object) -> Any:
    raise AssertionError("no link is followed here")


def saved(served: Served) -> str:
    """The name of an audio that lies on S3."""
    audio = an_audio(create_time=served.clock.now(), location=Location.S3, state=State.READY, etag='"etag"')
    served.stage.memory.catalog.rows[audio.name] = audio
    return str(audio.name)


async def download(served: Served, name: str) -> grpc.StatusCode:
    """How a download ends."""
    with suppress(grpc.aio.AioRpcError):
        call = served.storage.DownloadAudio(pb.DownloadAudioRequest(name=name), timeout=50)
        async for _ in call:
            pass
    return await call.code()


async def test_what_needs_no_s3_is_answered_while_s3_hangs(served: Served) -> None:
    names = [saved(served) for _ in range(100)]
    downloads = [asyncio.ensure_future(download(served, names[0])) for _ in range(CALLERS)]
    # Who is one too many for S3 is told so. When as many wait as it has places, all of those are taken.
    waiting = await until_so_many_wait(downloads, places_of_s3())

    found = await served.storage.GetAudio(pb.GetAudioRequest(name=names[0]), timeout=20)
    one = await served.storage.SignUrls(pb.SignUrlsRequest(names=names[:1]), timeout=20)
    many = await served.storage.SignUrls(pb.SignUrlsRequest(names=names), timeout=20)
    created = await served.storage.CreateUpload(served.create(), timeout=20)

    assert {task.result() for task in set(downloads) - waiting} == {grpc.StatusCode.RESOURCE_EXHAUSTED}
    assert found.audio.name == names[0]
    assert [result.signed_url.url[:4] for result in (*one.results, *many.results)] == ["http"] * 101
    assert created.grant.url.startswith("http")
    assert not [task for task in waiting if task.done()]
    for task in waiting:
        task.cancel()


def places_of_s3() -> int:
    options = AwsOptions(bucket="b", region="r")
    return options.connections + options.s3_queue


async def until_so_many_wait(calls: list[asyncio.Task[grpc.StatusCode]], places: int) -> set[asyncio.Task[Any]]:
    """Those that wait, when no more of them do than there are places; fewer must not."""
    async with asyncio.timeout(40):
        waiting: set[asyncio.Task[Any]] = set(calls)
        while len(waiting) > places:
            _, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    assert len(waiting) == places
    return waiting


def test_s3_never_takes_all_places_of_a_server() -> None:
    assert places_of_s3() < ServerOptions(listen="127.0.0.1:0").max_concurrent_rpcs

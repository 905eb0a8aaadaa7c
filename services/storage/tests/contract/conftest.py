"""One suite, every backend. A new backend is done when it is one more entry in OPENERS and everything here passes."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import httpx
import pytest

from mayfly_runtime.testing import FakeClock
from mayfly_storage.backends.embedded.backend import open_embedded
from mayfly_storage.backends.embedded.options import EmbeddedOptions, LinkServerOptions
from mayfly_storage.domain.audio import Location
from mayfly_storage.domain.timing import Timing
from mayfly_storage.testing import LinkResponse, Subject, memory_backend

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from mayfly_storage.backends.aws.options import AwsOptions
    from mayfly_storage.domain.ports import BlobFacts, BlobStore, StoredBlob
    from mayfly_storage.testing import FollowLink

    Opener = Callable[[pytest.FixtureRequest, FakeClock], AbstractAsyncContextManager[Subject]]

MIB = 1024**2


@asynccontextmanager
async def open_memory(request: pytest.FixtureRequest, clock: FakeClock) -> AsyncIterator[Subject]:
    """The fakes."""
    memory = memory_backend(now=clock.now)

    async def follow(
        method: str, url: str, *, headers: dict[str, str] | None = None, body: bytes = b""
    ) -> LinkResponse:
        return memory.links.serve(method, url, headers=headers, body=body)

    yield Subject(backend=memory.backend, clock=clock, follow=follow)


@asynccontextmanager
async def open_aws(request: pytest.FixtureRequest, clock: FakeClock) -> AsyncIterator[Subject]:
    """S3 and DynamoDB, emulated, over real HTTP; or S3 as `--s3-url` says."""
    from mayfly_storage.backends.aws.testing import (  # noqa: PLC0415 - boto3 and moto are slow to load
        emulated_options,
        open_emulated,
    )

    # As small as they may be, so that audio of some megabytes is large.
    options = emulated_options(request.getfixturevalue("aws_url"), single_put_bytes=6 * MIB, part_bytes=5 * MIB)
    session = None
    if (url := request.config.getoption("--s3-url")) is not None:
        import boto3  # noqa: PLC0415 - as above

        session = boto3.Session()
        options = other_store(options, url, request.config)
    async with open_emulated(options, now=clock.now, session=session) as backend, over_http() as follow:
        yield Subject(backend=backend, clock=clock, follow=follow)


def other_store(options: AwsOptions, url: str, config: pytest.Config) -> AwsOptions:
    """The same table, and a bucket in another store."""
    from mayfly_storage.backends.aws.features import provider_of  # noqa: PLC0415 - as above

    provider, told = provider_of(config.getoption("--s3-provider"), endpoint_url=url), config.getoption("--s3-features")
    return replace(
        options,
        s3_endpoint_url=url,
        region=config.getoption("--s3-region"),
        addressing_style=provider.addressing_style,
        features=replace(provider.features, **dict.fromkeys(filter(None, told.split(",")), True)),
    )


@asynccontextmanager
async def open_fallback(request: pytest.FixtureRequest, clock: FakeClock) -> AsyncIterator[Subject]:
    """The fallback's folder and links, and rows in DynamoDB."""
    from mayfly_storage.backends.aws.testing import emulated_options  # noqa: PLC0415 - as above
    from mayfly_storage.testing.replica import open_replica, provision  # noqa: PLC0415 - as above

    folder: Path = request.getfixturevalue("tmp_path_factory").mktemp("shared")
    options = emulated_options(request.getfixturevalue("aws_url"))
    await asyncio.to_thread(provision, options)
    async with open_replica(options, folder, clock, forced=True) as replica, over_http() as follow:
        stores = replace(replica.backend.stores, primary=Location.LOCAL)
        yield Subject(backend=replace(replica.backend, stores=stores), clock=clock, follow=follow)


@asynccontextmanager
async def open_files(request: pytest.FixtureRequest, clock: FakeClock) -> AsyncIterator[Subject]:
    """SQLite and files, and the links of a real server."""
    folder: Path = request.getfixturevalue("tmp_path_factory").mktemp("data")
    options = EmbeddedOptions(data_dir=folder, links=LinkServerOptions(listen="127.0.0.1:0"))
    async with open_embedded(options, timing=Timing(), now=clock.now) as backend, over_http() as follow:
        yield Subject(backend=backend, clock=clock, follow=follow)


@asynccontextmanager
async def over_http() -> AsyncIterator[FollowLink]:
    """Follows links as a person's browser would."""
    async with httpx.AsyncClient(timeout=60) as http:

        async def follow(
            method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes = b""
        ) -> LinkResponse:
            answer = await http.request(method, url, headers=headers, content=body)
            return LinkResponse(status=answer.status_code, headers=dict(answer.headers), body=answer.content)

        yield follow


OPENERS: dict[str, Opener] = {
    "aws": open_aws,
    "embedded": open_files,
    "fallback": open_fallback,
    "memory": open_memory,
}
"""Each opens one empty backend on the given clock; session fixtures (a server) come by `request.getfixturevalue`."""


ROWS_ALONE = {
    *("test_certificates", "test_finding_rows", "test_measuring"),
    *("test_quotas", "test_removing", "test_reserving", "test_retaining"),
}
"""Modules that touch no bytes: the rows of `fallback` are those of `aws`."""


@pytest.fixture
def clock() -> FakeClock:
    """Begins at the real time: some stores have a clock of their own, which cannot be told."""
    return FakeClock(datetime.now(UTC))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One of each test for each backend."""
    if "subject" in metafunc.fixturenames:
        left_out = {"fallback"} if metafunc.module.__name__.rpartition(".")[2] in ROWS_ALONE else set()
        metafunc.parametrize("subject", sorted(set(OPENERS) - left_out), indirect=True)


@pytest.fixture
async def subject(request: pytest.FixtureRequest, clock: FakeClock) -> AsyncIterator[Subject]:
    async with OPENERS[request.param](request, clock) as opened:
        yield opened


@pytest.fixture
def blobs(subject: Subject) -> BlobStore:
    return subject.blobs


class Put:
    """Puts bytes as storage itself does: from a file."""

    def __init__(self, blobs: BlobStore, folder: Path) -> None:
        self._blobs = blobs
        self._folder = folder
        self._count = 0

    async def __call__(self, key: str, body: bytes, facts: BlobFacts) -> StoredBlob:
        self._count += 1
        path = self._folder / f"body-{self._count}"
        path.write_bytes(body)
        return await self._blobs.put_file(key, path, facts)


@pytest.fixture
def put(blobs: BlobStore, tmp_path: Path) -> Put:
    return Put(blobs, tmp_path)

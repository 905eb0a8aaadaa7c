"""Backends of all kinds under a clock that tests tell the time: for histories of days in milliseconds."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from mayfly_storage.backends.embedded.backend import open_embedded
from mayfly_storage.backends.embedded.options import EmbeddedOptions, LinkServerOptions
from mayfly_storage.domain.audio import Location
from mayfly_storage.domain.timing import Timing
from mayfly_storage.testing.backend import memory_backend

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime
    from pathlib import Path

    from mayfly_runtime.testing import FakeClock
    from mayfly_storage.domain.audio import AudioName
    from mayfly_storage.domain.ports import BlobPage, BlobStore
    from mayfly_storage.domain.stores import Backend


@dataclass(frozen=True, slots=True)
class Site:
    """An opened, empty backend, and what its TTL does to a row whose time has come."""

    backend: Backend
    collect: Callable[[AudioName], Awaitable[None]] | None = None
    """None where there is no TTL."""


@asynccontextmanager
async def in_memory(clock: FakeClock) -> AsyncIterator[Site]:
    """In memory, with a TTL as DynamoDB has it."""
    memory = memory_backend(now=clock.now)

    async def collect(name: AudioName) -> None:
        memory.catalog.rows.pop(name, None)

    yield Site(memory.backend, collect)


def on_files(parent: Path) -> Callable[[FakeClock], AbstractAsyncContextManager[Site]]:
    """In a new folder below the parent, each time."""

    @asynccontextmanager
    async def opened(clock: FakeClock) -> AsyncIterator[Site]:
        options = EmbeddedOptions(data_dir=parent / uuid4().hex, links=LinkServerOptions(listen="127.0.0.1:0"))
        async with open_embedded(options, timing=Timing(), now=clock.now) as backend:
            yield Site(backend)

    return opened


def on_aws(url: str) -> Callable[[FakeClock], AbstractAsyncContextManager[Site]]:
    """In a new bucket and table of an emulator, each time."""
    from mayfly_storage.backends.aws.testing import emulated_options, open_emulated  # noqa: PLC0415 - slow to load

    @asynccontextmanager
    async def opened(clock: FakeClock) -> AsyncIterator[Site]:
        async with open_emulated(emulated_options(url), now=clock.now) as backend:
            yield Site(told_the_time(backend, clock))

    return opened


def told_the_time(backend: Backend, clock: FakeClock) -> Backend:
    """The backend with an S3 whose own clock, true by now, goes on by the test's."""
    store = backend.stores.first
    told: Any = replace(store, blobs=TimeTravel(store.blobs, clock, clock.now()))
    return replace(backend, stores=replace(backend.stores, by_location={Location.S3: told}))


class TimeTravel:
    """A store whose own clock goes by the test's: S3's cannot be told the time."""

    def __init__(self, blobs: BlobStore, clock: FakeClock, begin: datetime) -> None:
        """Take the store, and what the test's clock said when the store's had the true time."""
        self._blobs = blobs
        self._clock = clock
        self._begin = begin

    def __getattr__(self, name: str) -> Any:
        """The store's own."""
        return getattr(self._blobs, name)

    async def list_blobs(self, prefix: str, *, limit: int, cursor: str = "") -> BlobPage:
        """A page that says so much later as the test's clock is."""
        page = await self._blobs.list_blobs(prefix, limit=limit, cursor=cursor)
        return replace(page, store_time=page.store_time + (self._clock.now() - self._begin))

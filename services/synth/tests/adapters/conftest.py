"""What tests of the ways out share: Mayfly as its callers see it, a client of it, and storage as a sink."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mayfly_client.testing import FakeMayfly
from mayfly_runtime.offload import Offload
from mayfly_synth.adapters.storage_sink import StorageSink

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from mayfly_client import AsyncClient


@pytest.fixture
def mayfly() -> Iterator[FakeMayfly]:
    with FakeMayfly() as fake:
        yield fake


@pytest.fixture
async def client(mayfly: FakeMayfly) -> AsyncIterator[AsyncClient]:
    async with mayfly.async_client() as client:
        yield client


@pytest.fixture
async def sink(client: AsyncClient) -> AsyncIterator[StorageSink]:
    checksums = Offload(name="checksum", workers=1, queue=10)
    sink = StorageSink(client, collection="temp-audio", offload=checksums)
    yield sink
    await sink.close()
    await checksums.shutdown()

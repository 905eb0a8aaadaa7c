from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from mayfly.synth.v1.synth_service_pb2_grpc import SynthServiceStub

from mayfly_synth.testing import MemorySink, MemoryStored, serve_synth

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from mayfly.synth.v1.synth_service_pb2_grpc import SynthServiceAsyncStub


@pytest.fixture
def sink() -> MemorySink:
    return MemorySink()


@pytest.fixture
def stored() -> MemoryStored:
    return MemoryStored()


@pytest.fixture
async def synth(voices_dir: Path, sink: MemorySink, stored: MemoryStored) -> AsyncIterator[SynthServiceAsyncStub]:
    async with serve_synth(voices_dir, sink, stored=stored.as_stored()) as channel:
        yield SynthServiceStub(channel)

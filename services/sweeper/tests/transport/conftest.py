from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest
from mayfly.sweeper.v1.sweeper_service_pb2_grpc import SweeperServiceStub, add_SweeperServiceServicer_to_server

from mayfly_runtime.testing import serve_in_process
from mayfly_sweeper.transport.errors import DOMAIN, ERROR_TABLE
from mayfly_sweeper.transport.page_tokens import PageTokens
from mayfly_sweeper.transport.sweeper_servicer import SweeperServicer
from mayfly_sweeper.usecases.sweeps import Sweeps

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from mayfly_runtime.testing import FakeClock
    from mayfly_sweeper.domain.sweep import SweepOrder
    from mayfly_sweeper.testing import FakeRetention
    from mayfly_sweeper.usecases.sweep import SweepEngine


@pytest.fixture
async def sweeps(engine: SweepEngine, clock: FakeClock) -> Sweeps:
    return Sweeps(engine, now=clock.now, new_id=uuid.uuid4, capacity=100)


@pytest.fixture
async def stub(sweeps: Sweeps, order: SweepOrder, retention: FakeRetention) -> AsyncIterator[SweeperServiceStub]:
    servicer = SweeperServicer(sweeps, retention, defaults=order, tokens=PageTokens(b"key"))
    async with serve_in_process(
        add_SweeperServiceServicer_to_server,
        servicer,
        service="mayfly.sweeper.v1.SweeperService",
        errors=ERROR_TABLE,
        domain=DOMAIN,
    ) as channel:
        yield SweeperServiceStub(channel)

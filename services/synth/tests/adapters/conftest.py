"""What tests of the ways out share: Mayfly as its callers see it, and a client of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mayfly_client.testing import FakeMayfly

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

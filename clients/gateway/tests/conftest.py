"""The gateway in this process, over an in-memory Mayfly."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from mayfly_client.testing import FakeMayfly
from mayfly_gateway.app import create_app
from mayfly_gateway.config import GatewaySettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

SECRET = "s" * 32


@pytest.fixture
def fake() -> Iterator[FakeMayfly]:
    with FakeMayfly() as running:
        yield running


@pytest.fixture
def settings() -> GatewaySettings:
    return GatewaySettings.load(secret=SECRET, operators_token="operators-of-the-tests")


@pytest.fixture
async def browser(fake: FakeMayfly, settings: GatewaySettings) -> AsyncIterator[httpx.AsyncClient]:
    """A guest's browser: keeps cookies, follows no redirect by itself."""
    async with fake.async_client() as mayfly:
        app = create_app(settings, mayfly, now=fake.clock.now)
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
            yield client

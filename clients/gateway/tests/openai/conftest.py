from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mayfly_gateway.app import create_app
from mayfly_gateway.config import GatewaySettings
from mayfly_runtime.http_server import HttpServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from mayfly_client.testing import FakeMayfly

KEY = "sk-made-up-for-the-tests"


@pytest.fixture
async def base_url(fake: FakeMayfly) -> AsyncIterator[str]:
    """A gateway on a port of loopback, as tools reach it."""
    settings = GatewaySettings.load(
        secret="s" * 32, listen="127.0.0.1:0", callers=f"tool={KEY}", openai_voices={"nova": "de_DE-fake-low"}
    )
    async with (
        fake.async_client() as mayfly,
        HttpServer(create_app(settings, mayfly, now=fake.clock.now), settings.http_options()) as server,
    ):
        yield f"http://{server.address}/v1"

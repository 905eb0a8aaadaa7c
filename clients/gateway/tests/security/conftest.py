from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import pytest

from mayfly_gateway.app import create_app
from mayfly_gateway.config import GatewaySettings
from mayfly_runtime.http_server import HttpServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from mayfly_client.testing import FakeMayfly

    Serve = Callable[..., Awaitable[HttpServer]]


@pytest.fixture
async def serve(fake: FakeMayfly) -> AsyncIterator[Serve]:
    """Serve on a port of loopback with these settings."""
    async with AsyncExitStack() as stack:
        mayfly = await stack.enter_async_context(fake.async_client())

        async def start(**changes: Any) -> HttpServer:
            settings = GatewaySettings.load(secret="s" * 32, listen="127.0.0.1:0", drain="1s", **changes)
            server = HttpServer(create_app(settings, mayfly, now=fake.clock.now), settings.http_options())
            return await stack.enter_async_context(server)

        yield start

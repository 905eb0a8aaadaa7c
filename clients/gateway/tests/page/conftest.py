"""The page in a real Chromium, over the stand-in: one browser for all tests, one guest for each."""

from __future__ import annotations

from contextlib import AsyncExitStack
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest_asyncio

from clients.gateway.tests.page import chromium
from clients.gateway.tests.page.standin import Standin, application, store
from mayfly_runtime.http_server import HttpServer
from mayfly_runtime.server_options import HttpOptions

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from playwright.async_api import Browser
    from starlette.types import ASGIApp


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    chromium.require()
    async with chromium.launched() as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def standin() -> Standin:
    made = Standin()
    made.rest.set()
    return made


@pytest_asyncio.fixture(loop_scope="session")
async def new_tab(browser: Browser, standin: Standin) -> AsyncIterator[Callable[..., Any]]:
    """Opens a tab; at the end, none of them may have had a fault."""
    tabs: list[chromium.Tab] = []
    async with AsyncExitStack() as stack:
        standin.store = await stack.enter_async_context(served(store(standin)))
        origin = await stack.enter_async_context(served(application(standin)))

        async def new(**options: Any) -> chromium.Tab:
            opened = chromium.tab(browser, origin, store=standin.store, **options)
            tabs.append(await stack.enter_async_context(opened))
            return tabs[-1]

        yield new
        # What waits for the rest of a speech must not hold the server up.
        standin.rest.set()
    assert [fault for each in tabs for fault in each.faults] == []


@pytest_asyncio.fixture(loop_scope="session")
async def tab(new_tab: Callable[..., Any]) -> chromium.Tab:
    return await new_tab()


class served:  # noqa: N801 - used like the functions of contextlib
    """Serves an application on a free port; its origin."""

    def __init__(self, app: ASGIApp) -> None:
        options = HttpOptions(listen="127.0.0.1:0", max_connections=400, drain=timedelta(seconds=1))
        self.server = HttpServer(app, options)

    async def __aenter__(self) -> str:
        await self.server.__aenter__()
        return f"http://{self.server.address}"

    async def __aexit__(self, *_: object) -> None:
        await self.server.drain()

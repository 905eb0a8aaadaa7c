from __future__ import annotations

import asyncio
import json
from concurrent.futures import Future
from threading import Thread
from typing import TYPE_CHECKING

import httpx
import pytest

from mayfly_client.testing import FakeMayfly
from mayfly_gateway.app import create_app
from mayfly_gateway.config import GatewaySettings
from mayfly_runtime.http_server import HttpServer

if TYPE_CHECKING:
    from collections.abc import Iterator

TOKEN = "token-of-the-fuzzers"


async def _serve(fake: FakeMayfly, address: Future[str], stop: Future[None]) -> None:
    settings = GatewaySettings.load(
        secret="s" * 32, listen="127.0.0.1:0", callers=f"fuzzer={TOKEN}", operators_token=TOKEN, drain="1s"
    )
    async with (
        fake.async_client() as mayfly,
        HttpServer(create_app(settings, mayfly, now=fake.clock.now), settings.http_options()) as server,
    ):
        address.set_result(str(server.address))
        await asyncio.wrap_future(stop)


@pytest.fixture(scope="session")
def gateway() -> Iterator[str]:
    """Base URL of a gateway over an in-memory Mayfly, in a thread of its own."""
    address, stop = Future[str](), Future[None]()
    with FakeMayfly(transcript="hello") as fake:
        thread = Thread(target=lambda: asyncio.run(_serve(fake, address, stop)))
        thread.start()
        yield f"http://{address.result(timeout=60)}"
        stop.set_result(None)
        thread.join()


@pytest.fixture
def live_token(gateway: str) -> str:
    """A token that leads to audio; nobody guesses one."""
    spoken = httpx.post(f"{gateway}/api/page/speech", json={"text": "Hello."}, timeout=60)
    token: str = json.loads(spoken.text.splitlines()[-1])["audio"]["token"]
    return token

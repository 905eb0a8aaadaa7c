"""What is told of a service that says nothing itself."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import grpc
import httpx
import pytest

from mayfly_client import AsyncClient
from mayfly_gateway.app import create_app
from mayfly_gateway.config import GatewaySettings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mayfly_client.testing import FakeMayfly


@pytest.fixture
def mute() -> Iterator[str]:
    """Address of something that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture
def closed() -> str:
    """Address that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"127.0.0.1:{listener.getsockname()[1]}"


async def asked_for_voices(target: str) -> httpx.Response:
    async with AsyncClient(storage=target, synth=target, timeout=0.2) as mayfly:
        app = create_app(GatewaySettings.load(secret="s" * 32), mayfly)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://gateway") as http:
            return await http.get("/api/page/voices")


async def test_where_a_service_is_that_does_not_answer_in_time_is_nobodys_business(mute: str) -> None:
    answer = await asked_for_voices(mute)

    told = answer.json()["error"]
    assert (answer.status_code, told["reason"]) in {(504, "DEADLINE_EXCEEDED"), (503, "NO_ANSWER")}
    assert mute not in answer.text
    assert told["remedy"] == "Come again in a moment."


async def test_nor_how_to_start_one_that_is_not_there(closed: str) -> None:
    answer = await asked_for_voices(closed)

    assert closed not in answer.text
    assert "MAYFLY_" not in answer.text
    assert answer.json()["error"]["remedy"] == "Come again in a moment."


async def test_a_deadline_is_told_without_the_services_address(browser: httpx.AsyncClient, fake: FakeMayfly) -> None:
    fake.refuse("ListVoices", grpc.StatusCode.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED", times=9)

    answer = await browser.get("/api/page/voices")

    assert answer.status_code == 504
    assert answer.json()["error"] == {
        "reason": "DEADLINE_EXCEEDED",
        "message": "A service did not answer in time.",
        "remedy": "Come again in a moment.",
    }

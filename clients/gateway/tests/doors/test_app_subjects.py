"""What an app asks for is counted for the app and belongs to it; where everybody is let in, to nobody."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from mayfly_client.testing import FakeMayfly
from mayfly_gateway.config import GatewaySettings

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

TOKEN = "t" * 16
THEIRS = {"Authorization": f"Bearer {TOKEN}"}
SPEECH = {"model": "tts-1", "voice": "alloy", "input": "Hello.", "response_format": "wav"}


@pytest.fixture
def fake() -> Iterator[FakeMayfly]:
    with FakeMayfly(requests_per_minute=1) as running:
        yield running


@pytest.fixture
def settings(request: pytest.FixtureRequest) -> GatewaySettings:
    callers: dict[str, Any] = getattr(request, "param", {"callers": f"tool={TOKEN}"})
    return GatewaySettings.load(secret="s" * 32, **callers)


async def statuses_of_speech(browser: httpx.AsyncClient) -> list[int]:
    return [(await browser.post("/v1/audio/speech", json=SPEECH, headers=THEIRS)).status_code for _ in range(2)]


async def owner_of_processed(browser: httpx.AsyncClient, fake: FakeMayfly) -> str:
    wav = (await browser.post("/v1/audio/speech", json=SPEECH, headers=THEIRS)).content
    fake.clock.advance(timedelta(minutes=1))
    answer = await browser.post("/process", files={"file": ("in.wav", wav, "audio/wav")}, headers=THEIRS)
    assert answer.status_code == 200
    async with fake.async_client() as mayfly:
        [audio] = [each async for each in mayfly.list()]
    return audio.user_id


async def test_an_app_that_speaks_too_often_is_refused(browser: httpx.AsyncClient) -> None:
    assert await statuses_of_speech(browser) == [200, 429]


@pytest.mark.parametrize("settings", [{}], indirect=True)
async def test_where_everybody_is_let_in_nobody_is_counted(browser: httpx.AsyncClient) -> None:
    assert await statuses_of_speech(browser) == [200, 200]


@pytest.mark.parametrize(
    ("settings", "owner"), [({"callers": f"tool={TOKEN}"}, "tool"), ({}, "")], indirect=["settings"]
)
async def test_what_an_app_had_processed_is_the_apps(browser: httpx.AsyncClient, fake: FakeMayfly, owner: str) -> None:
    assert await owner_of_processed(browser, fake) == owner

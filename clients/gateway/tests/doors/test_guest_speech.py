from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import httpx
import pytest

from mayfly_client.testing import FakeMayfly
from mayfly_gateway.app import create_app
from mayfly_gateway.config import GatewaySettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

TOKEN = "t" * 16


async def test_a_guest_gets_exactly_what_system_a_answers(browser: httpx.AsyncClient, fake: FakeMayfly) -> None:
    answer = await browser.post("/public/tts/sync", json={"text": "Hello.", "voice": "en_US-fake-low"})

    told = answer.json()
    assert set(told) == {"audio_id", "audio_url", "duration", "expires_at", "text", "voice_id"}
    assert (told["text"], told["voice_id"]) == ("Hello.", "en_US-fake-low")
    assert UUID(told["audio_id"]).version == 4
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", told["expires_at"])
    assert datetime.fromisoformat(told["expires_at"]) - fake.clock.now() == pytest.approx(
        timedelta(hours=24), abs=timedelta(seconds=1)
    )
    async with httpx.AsyncClient(timeout=60) as other:
        playing = await other.get(told["audio_url"])
        assert (playing.headers["content-type"], playing.content[:4]) == ("audio/wav", b"RIFF")
        fake.clock.advance(timedelta(hours=24))
        assert (await other.get(told["audio_url"])).status_code == 410
    assert "set-cookie" not in answer.headers


async def test_the_older_path_answers_the_same(browser: httpx.AsyncClient) -> None:
    answer = await browser.post("/tts/sync", json={"text": "Hello."})

    assert set(answer.json()) == {"audio_id", "audio_url", "duration", "expires_at", "text", "voice_id"}


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        ({}, 422, "INVALID_REQUEST"),
        ({"text": ""}, 422, "INVALID_REQUEST"),
        ({"text": 5}, 422, "INVALID_REQUEST"),
        ({"text": " \n "}, 400, "TEXT_EMPTY"),
        ({"text": "a" * 5_001}, 413, "TEXT_TOO_LONG"),
        ({"text": "a\x00b"}, 400, "TEXT_UNSPEAKABLE"),
        ({"text": "a", "voice": "nobody"}, 404, "VOICE_UNKNOWN"),
    ],
)
async def test_what_cannot_be_said_is_refused_with_a_reason(
    browser: httpx.AsyncClient, body: dict[str, Any], status: int, reason: str
) -> None:
    answer = await browser.post("/public/tts/sync", json=body)

    assert (answer.status_code, answer.json()["error"]["reason"]) == (status, reason)


class TestQuota:
    @pytest.fixture
    def fake(self) -> Any:
        with FakeMayfly(requests_per_minute=2) as running:
            yield running

    @pytest.fixture
    def settings(self) -> GatewaySettings:
        return GatewaySettings.load(secret="s" * 32, trusted_proxies=1)

    async def test_the_quota_is_the_addresss_and_tells_its_numbers(
        self, browser: httpx.AsyncClient, fake: FakeMayfly
    ) -> None:
        async def speak(forwarded_for: str) -> httpx.Response:
            headers = {"X-Forwarded-For": forwarded_for}
            return await browser.post("/public/tts/sync", json={"text": "Hello."}, headers=headers)

        made_up = [await speak(f"6.6.6.{number}, 192.0.2.1") for number in range(3)]
        neighbour = await speak("192.0.2.2")
        fake.clock.advance(timedelta(minutes=1))
        later = await speak("192.0.2.1")

        assert [answer.status_code for answer in made_up] == [200, 200, 429]
        assert (neighbour.status_code, later.status_code) == (200, 200)
        told = made_up[-1].json()["error"]
        assert told["reason"] == "QUOTA_EXCEEDED"
        assert (told["metadata"]["limit"], told["metadata"]["quota"]) == ("2", "requests_per_minute")
        assert 1 <= told["retry_after"] == int(made_up[-1].headers["retry-after"]) <= 60


class TestApps:
    @pytest.fixture
    def settings(self) -> GatewaySettings:
        return GatewaySettings.load(secret="s" * 32, callers=f"flutter={TOKEN}")

    async def test_an_app_shows_its_token_where_there_are_any(self, browser: httpx.AsyncClient) -> None:
        stranger = await browser.post("/tts/sync", json={"text": "Hello."})
        app = await browser.post("/tts/sync", json={"text": "Hello."}, headers={"Authorization": f"Bearer {TOKEN}"})
        guest = await browser.post("/public/tts/sync", json={"text": "Hello."})

        assert (stranger.status_code, stranger.headers["www-authenticate"]) == (401, "Bearer")
        assert (app.status_code, guest.status_code) == (200, 200)

    async def test_what_an_app_speaks_counts_for_the_app_and_what_a_guest_does_for_the_address(
        self, browser: httpx.AsyncClient, fake: FakeMayfly
    ) -> None:
        await browser.post("/tts/sync", json={"text": "Hello."}, headers={"Authorization": f"Bearer {TOKEN}"})
        await browser.post("/public/tts/sync", json={"text": "Hello."})

        places: list[Any] = [getattr(call.request, "destination", None) for call in fake.calls]
        asked = [(place.user_id, place.guest_address) for place in places if place is not None]
        assert asked == [("flutter", ""), ("", "127.0.0.1")]


@pytest.fixture
async def far_away(fake: FakeMayfly) -> AsyncIterator[httpx.AsyncClient]:
    settings = GatewaySettings.load(secret="s" * 32, listen="0.0.0.0:8080")
    async with fake.async_client() as mayfly:
        transport = httpx.ASGITransport(app=create_app(settings, mayfly, now=fake.clock.now))
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
            yield client


async def test_a_gateway_that_others_reach_lets_no_app_in_before_it_was_told_of_any(
    far_away: httpx.AsyncClient,
) -> None:
    assert (await far_away.post("/tts/sync", json={"text": "Hello."})).status_code == 401
    assert (await far_away.post("/public/tts/sync", json={"text": "Hello."})).status_code == 200

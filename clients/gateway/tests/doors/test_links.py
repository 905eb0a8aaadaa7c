from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import grpc
import httpx
import pytest

if TYPE_CHECKING:
    from mayfly_client.testing import FakeMayfly
    from mayfly_gateway.config import GatewaySettings

from mayfly_gateway.stable_links import StableLinks


@pytest.fixture
async def link(fake: FakeMayfly, settings: GatewaySettings) -> str:
    async with fake.async_client() as mayfly:
        speech = await mayfly.speak("Hello.")
    return f"/a/{StableLinks(settings.secrets()).token_of(speech.name)}"


async def test_a_link_works_at_the_first_minute_and_at_the_last_hour_and_is_gone_afterwards(
    browser: httpx.AsyncClient, fake: FakeMayfly, link: str
) -> None:
    early = await browser.get(link)
    fake.clock.advance(timedelta(hours=23, minutes=30))
    late = await browser.get(link)
    fake.clock.advance(timedelta(minutes=30))
    after = await browser.get(link)

    assert [early.status_code, late.status_code, after.status_code] == [302, 302, 410]
    assert after.json()["error"]["reason"] == "AUDIO_GONE"
    assert early.headers["location"] != late.headers["location"]
    assert early.headers["cache-control"] == late.headers["cache-control"] == "no-store"


async def test_the_signed_link_behind_it_plays_and_lives_for_minutes(
    browser: httpx.AsyncClient, fake: FakeMayfly, link: str
) -> None:
    signed = (await browser.get(link)).headers["location"]
    async with httpx.AsyncClient(timeout=60) as other:
        playing = await other.get(signed)
        fake.clock.advance(timedelta(minutes=11))
        later = await other.get(signed)

    assert (playing.status_code, playing.content[:4]) == (200, b"RIFF")
    assert later.status_code == 410


async def test_head_is_answered_as_get_is(browser: httpx.AsyncClient, link: str) -> None:
    answer = await browser.head(link)

    assert (answer.status_code, answer.content) == (302, b"")


async def test_download_has_browsers_save_it(browser: httpx.AsyncClient, link: str) -> None:
    signed = (await browser.get(f"{link}?download=true")).headers["location"]
    async with httpx.AsyncClient(timeout=60) as other:
        assert "attachment" in (await other.get(signed)).headers["content-disposition"]


@pytest.mark.parametrize("token", ["x", "A" * 92, "audio/2026-11-21/f47ac10b-58cc-4372-a567-0e02b2c3d479", "%00", "ä"])
async def test_a_made_up_link_is_unknown(browser: httpx.AsyncClient, token: str) -> None:
    answer = await browser.get(f"/a/{token}")

    assert answer.status_code == 404


async def test_a_storage_that_does_not_answer_is_no_end(
    browser: httpx.AsyncClient, fake: FakeMayfly, link: str
) -> None:
    fake.refuse("SignUrls", grpc.StatusCode.UNAVAILABLE, "BACKEND_UNAVAILABLE", times=9)

    answer = await browser.get(link)

    assert (answer.status_code, answer.json()["error"]["reason"]) == (503, "BACKEND_UNAVAILABLE")
    assert "retry-after" in answer.headers

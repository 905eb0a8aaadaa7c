from __future__ import annotations

import json
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import grpc
import httpx
import pytest

from mayfly_gateway.app import create_app

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from mayfly_client.testing import FakeMayfly
    from mayfly_gateway.config import GatewaySettings


async def spoken(browser: httpx.AsyncClient) -> dict[str, Any]:
    answer = await browser.post("/api/page/speech", json={"text": "Hello."})
    told: dict[str, Any] = json.loads(answer.text.splitlines()[-1])["audio"]
    return told


async def fetched(answer: httpx.Response) -> httpx.Response:
    assert answer.status_code == 302
    async with httpx.AsyncClient(timeout=60) as other:
        return await other.get(answer.headers["location"])


async def test_the_stored_file_is_saved_under_a_name(browser: httpx.AsyncClient) -> None:
    audio = await spoken(browser)
    path = f"/api/page/audios/{audio['token']}/file"

    plain, same = await fetched(await browser.get(path)), await fetched(await browser.get(f"{path}?format=wav"))

    assert plain.content == same.content
    assert plain.headers["content-disposition"].startswith("attachment")


async def test_another_format_is_made_once_is_no_history_and_ends_with_its_source(
    browser: httpx.AsyncClient, fake: FakeMayfly
) -> None:
    audio = await spoken(browser)
    path = f"/api/page/audios/{audio['token']}/file?format=mp3"

    first, second = await browser.get(path), await browser.get(path)

    assert (await fetched(first)).headers["content-type"] == "audio/mpeg"
    assert [call.method for call in fake.calls].count("ProcessAudio") == 1
    assert (await browser.get("/api/page/history")).json()["audios"] == [audio]
    await browser.delete(f"/api/page/audios/{audio['token']}")
    assert (await fetched(second)).status_code == 410


async def test_a_copy_counts_for_the_address(browser: httpx.AsyncClient, fake: FakeMayfly) -> None:
    audio = await spoken(browser)
    already = len(fake.calls)

    await browser.get(f"/api/page/audios/{audio['token']}/file?format=mp3")

    counted: list[Any] = [call.request for call in fake.calls[already:] if call.method == "ReserveQuota"]
    assert [one.subject.guest_address for one in counted] == ["127.0.0.1"]


@asynccontextmanager
async def guest_at(
    fake: FakeMayfly, settings: GatewaySettings, *, ahead: timedelta
) -> AsyncIterator[httpx.AsyncClient]:
    """A browser of a gateway whose clock is so far ahead of storage's."""
    async with fake.async_client() as mayfly:
        app = create_app(settings, mayfly, now=lambda: fake.clock.now() + ahead)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://gateway") as guest:
            yield guest


async def test_a_copy_that_was_made_late_ends_with_its_source_whatever_the_gateways_clock_says(
    fake: FakeMayfly, settings: GatewaySettings
) -> None:
    async with guest_at(fake, settings, ahead=-timedelta(seconds=30)) as guest:
        audio = await spoken(guest)
        fake.clock.advance(timedelta(hours=20))
        await guest.get(f"/api/page/audios/{audio['token']}/file?format=mp3")

    async with fake.async_client() as mayfly:
        ends = {one.content_type: one.expire_time async for one in mayfly.list()}
    assert ends["audio/mpeg"] == ends["audio/wav"]


@pytest.mark.parametrize(("ahead", "status"), [(timedelta(), 409), (timedelta(hours=24), 410)])
async def test_a_source_that_ends_while_its_copy_is_made_is_gone(
    fake: FakeMayfly, settings: GatewaySettings, ahead: timedelta, status: int
) -> None:
    async with guest_at(fake, settings, ahead=ahead) as guest:
        audio = await spoken(guest)
        fake.refuse("ProcessAudio", grpc.StatusCode.FAILED_PRECONDITION, "STORAGE_REFUSED")
        answer = await guest.get(f"/api/page/audios/{audio['token']}/file?format=mp3")

    assert answer.status_code == status


async def test_a_format_that_there_is_not_is_named(browser: httpx.AsyncClient) -> None:
    audio = await spoken(browser)
    answer = await browser.get(f"/api/page/audios/{audio['token']}/file?format=exe")

    assert (answer.status_code, answer.json()["error"]["violations"][0]["field"]) == (422, "format")

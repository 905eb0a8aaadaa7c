from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from mayfly_gateway.api import create_api
from mayfly_gateway.doors.page_audios import MOST_SHOWN

if TYPE_CHECKING:
    from mayfly_client.testing import FakeMayfly
    from mayfly_gateway.config import GatewaySettings

TEXT = "Hello there. How are you?"


async def spoken(browser: httpx.AsyncClient, text: str = TEXT) -> dict[str, Any]:
    answer = await browser.post("/api/page/speech", json={"text": text})
    told: dict[str, Any] = json.loads(answer.text.splitlines()[-1])["audio"]
    return told


async def test_history_is_this_guests_newest_first(browser: httpx.AsyncClient, fake: FakeMayfly) -> None:
    first = await spoken(browser, "One.")
    fake.clock.advance(timedelta(minutes=1))
    second = await spoken(browser, "Two.")

    told = (await browser.get("/api/page/history")).json()

    assert told == {"audios": [second, first]}


async def test_a_long_history_leaves_the_oldest_out(browser: httpx.AsyncClient, fake: FakeMayfly) -> None:
    oldest = await spoken(browser)
    fake.clock.advance(timedelta(seconds=1))
    async with fake.async_client() as mayfly:
        guest = (await anext(mayfly.list())).user_id
        for _ in range(MOST_SHOWN):
            await mayfly.upload_stream(b"RIFF", collection="temp-audio", content_type="audio/wav", user_id=guest)
    fake.clock.advance(timedelta(hours=23))
    newest = await spoken(browser)

    told = [audio["token"] for audio in (await browser.get("/api/page/history")).json()["audios"]]

    assert len(told) == MOST_SHOWN
    assert told[0] == newest["token"]
    assert oldest["token"] not in told


async def test_a_stranger_has_no_history(browser: httpx.AsyncClient) -> None:
    await spoken(browser)
    browser.cookies.clear()

    assert (await browser.get("/api/page/history")).json() == {"audios": []}


@pytest.mark.parametrize("cookie", ["", "x", "a" * 43, "a" * 44, "../../etc", "'; drop table"])
async def test_a_made_up_cookie_opens_nothing(browser: httpx.AsyncClient, cookie: str) -> None:
    await spoken(browser)
    browser.cookies.clear()

    told = await browser.get("/api/page/history", headers={"Cookie": f"mayfly-guest={cookie}"})

    assert told.json() == {"audios": []}


async def test_no_guest_sees_or_deletes_anothers_audio_though_having_its_link(browser: httpx.AsyncClient) -> None:
    audio = await spoken(browser)
    mine = dict(browser.cookies)
    browser.cookies.clear()
    await spoken(browser)  # now somebody else
    path = f"/api/page/audios/{audio['token']}"

    refused = [await browser.get(path), await browser.delete(path), await browser.get(f"{path}/captions.srt")]

    assert {answer.status_code for answer in refused} == {404}
    assert {answer.json()["error"]["reason"] for answer in refused} == {"AUDIO_NOT_YOURS"}
    browser.cookies = mine
    assert (await browser.get(path)).status_code == 200


async def test_deleting_ends_it_at_once_and_promises_a_certificate(browser: httpx.AsyncClient) -> None:
    audio = await spoken(browser)
    path = f"/api/page/audios/{audio['token']}"

    told = (await browser.delete(path)).json()

    assert (told["deleted"], told["state"], told["receipt"]) == (True, "awaits_certificate", None)
    assert (await browser.get(audio["link"])).status_code == 410
    assert (await browser.get("/api/page/history")).json() == {"audios": []}
    assert (await browser.delete(path)).status_code == 410


async def test_a_guest_is_forgotten_and_nobody_else(browser: httpx.AsyncClient) -> None:
    links = [(await spoken(browser, text))["link"] for text in ("One.", "Two.")]
    mine = dict(browser.cookies)
    browser.cookies.clear()
    others = await spoken(browser)
    browser.cookies = mine

    told = await browser.delete("/api/page/history")
    browser.cookies.clear()
    stranger = await browser.delete("/api/page/history")

    assert told.json() == {"deleted": 2, "remaining": 0}
    assert stranger.json() == {"deleted": 0, "remaining": 0}
    assert [(await browser.get(link)).status_code for link in [*links, others["link"]]] == [410, 410, 302]


async def test_a_sweeps_certificate_is_the_receipt(browser: httpx.AsyncClient, fake: FakeMayfly) -> None:
    audio = await spoken(browser)
    path = f"/api/page/audios/{audio['token']}"
    deleted = (await browser.delete(path)).json()
    fake.clock.advance(timedelta(minutes=31))
    async with fake.async_client() as mayfly:
        sweep = await mayfly.start_sweep()
        _ = [each async for each in mayfly.watch_sweep(sweep.name)]

    told = (await browser.get(f"{path}/receipt")).json()

    assert told["state"] == "certified"
    assert told["receipt"]["verified"] is True
    assert told["delete_time"] is None, "whoever asks later is told no time that is not known"
    assert deleted["delete_time"] is not None
    assert len(told["receipt"]["certificate_sha256"]) == 64


async def test_captions_come_in_three_forms(browser: httpx.AsyncClient) -> None:
    audio = await spoken(browser)
    path = f"/api/page/audios/{audio['token']}/captions"

    srt, vtt, as_json = [await browser.get(f"{path}.{kind}") for kind in ("srt", "vtt", "json")]

    assert srt.text.startswith("1\n00:00:00,000 --> ")
    assert vtt.text.startswith("WEBVTT")
    assert vtt.headers["content-type"].startswith("text/vtt")
    assert [one["text"] for one in as_json.json()["segments"]] == ["Hello there.", "How are you?"]
    assert "attachment" in srt.headers["content-disposition"]
    assert (await browser.get(f"{path}.exe")).status_code == 422


async def test_what_was_said_is_forgotten_with_the_audio(browser: httpx.AsyncClient, fake: FakeMayfly) -> None:
    audio = await spoken(browser)
    fake.clock.advance(timedelta(hours=25))

    answer = await browser.get(f"/api/page/audios/{audio['token']}/captions.srt")

    assert (answer.status_code, answer.json()["error"]["reason"]) == (410, "AUDIO_GONE")


@pytest.mark.parametrize("way", ["audios/{token}", "history"])
async def test_what_was_said_is_forgotten_when_its_audio_is_deleted(
    fake: FakeMayfly, settings: GatewaySettings, way: str
) -> None:
    async with fake.async_client() as mayfly:
        api = create_api(settings, mayfly, now=fake.clock.now)
        here = api.state.gateway
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=api), base_url="http://gateway") as browser:
            audio = await spoken(browser)
            name = here.audio_of(audio["token"])
            before = here.remembered.get(name)
            await browser.delete(f"/api/page/{way.format(token=audio['token'])}")

    assert before.text == TEXT
    assert here.remembered.get(name) is None


async def test_there_is_no_receipt_for_what_lives(browser: httpx.AsyncClient) -> None:
    audio = await spoken(browser)

    assert (await browser.get(f"/api/page/audios/{audio['token']}/receipt")).status_code == 409


async def test_playing_is_counted_by_outcome(browser: httpx.AsyncClient) -> None:
    audio = await spoken(browser)
    path = f"/api/page/audios/{audio['token']}/playback"

    assert (await browser.post(path, json={"outcome": "played"})).status_code == 204
    assert (await browser.post(path, json={"outcome": "stolen"})).status_code == 422
    assert (await browser.post("/api/page/audios/x/playback", json={"outcome": "played"})).status_code == 404

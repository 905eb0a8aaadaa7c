from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from mayfly_client.testing import FakeMayfly


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


async def test_a_format_that_there_is_not_is_named(browser: httpx.AsyncClient) -> None:
    audio = await spoken(browser)
    answer = await browser.get(f"/api/page/audios/{audio['token']}/file?format=exe")

    assert (answer.status_code, answer.json()["error"]["violations"][0]["field"]) == (422, "format")

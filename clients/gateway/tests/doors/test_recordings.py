from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import grpc
import httpx
import pytest

from mayfly_gateway.config import GatewaySettings

if TYPE_CHECKING:
    from mayfly_client.testing import FakeMayfly

APP = {"Authorization": f"Bearer {'a' * 16}"}
SOUND = b"\x00\x00\x00\x1cftypM4A " + bytes(3_000)
WHO = {"user_id": "u7", "recording_id": "r1"}


@pytest.fixture
def settings() -> GatewaySettings:
    return GatewaySettings.load(secret="s" * 32, callers=f"coach={'a' * 16}")


async def uploaded(browser: httpx.AsyncClient, **who: Any) -> httpx.Response:
    files = {"file": ("talk.m4a", SOUND, "audio/x-m4a")}
    return await browser.post("/speech/recordings", data=WHO | who, files=files, headers=APP)


async def asked(browser: httpx.AsyncClient, user_id: str = "u7") -> dict[str, Any]:
    answer = await browser.get("/speech/recordings/r1", params={"user_id": user_id}, headers=APP)
    assert answer.status_code == 200
    told: dict[str, Any] = answer.json()
    return told


async def test_a_recording_lies_where_system_c_kept_it_and_plays_for_years(
    browser: httpx.AsyncClient, fake: FakeMayfly
) -> None:
    told = (await uploaded(browser)).json()
    fake.clock.advance(timedelta(days=1_000))

    playing = await asked(browser)

    assert told["file_path"] == "users/u7/recordings/r1/audio.m4a"
    assert playing["available"] is True
    async with httpx.AsyncClient(timeout=60) as other:
        answer = await other.get(playing["audio_url"])
    assert (answer.content, answer.headers["content-type"]) == (SOUND, "audio/m4a")


async def test_no_audio_is_a_normal_answer(browser: httpx.AsyncClient) -> None:
    assert await asked(browser) == {
        "recording_id": "r1",
        "available": False,
        "message": "There is no audio for this recording.",
    }


async def test_another_user_has_no_audio(browser: httpx.AsyncClient) -> None:
    await uploaded(browser)

    assert (await asked(browser, user_id="u8"))["available"] is False


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/speech/recordings/r1/delete"), ("DELETE", "/speech/recordings/r1")]
)
async def test_deleting_ends_it_at_once_and_twice_is_no_error(
    browser: httpx.AsyncClient, method: str, path: str
) -> None:
    link = (await uploaded(browser)).json()["link"]

    told = [await browser.request(method, path, params={"user_id": "u7"}, headers=APP) for _ in range(2)]

    assert [answer.json()["deleted"] for answer in told] == [True, False]
    assert (await asked(browser))["available"] is False
    assert (await browser.get(link)).status_code == 410


async def test_a_storage_that_fails_at_first_is_asked_again(browser: httpx.AsyncClient, fake: FakeMayfly) -> None:
    await uploaded(browser)
    fake.refuse("DeleteAudio", grpc.StatusCode.UNAVAILABLE, "BACKEND_UNAVAILABLE", times=2)

    told = await browser.post("/speech/recordings/r1/delete", params={"user_id": "u7"}, headers=APP)

    assert told.json()["deleted"] is True


async def test_an_id_is_used_once(browser: httpx.AsyncClient) -> None:
    await uploaded(browser)

    answer = await uploaded(browser)

    assert (answer.status_code, answer.json()["error"]["reason"]) == (409, "OBJECT_KEY_TAKEN")


@pytest.mark.parametrize("user_id", ["../u8", "u 7", "", "u7/recordings"])
async def test_an_id_that_is_a_path_is_none(browser: httpx.AsyncClient, user_id: str) -> None:
    assert (await uploaded(browser, user_id=user_id)).status_code == 422


async def test_a_recording_goes_straight_to_the_store_with_a_grant(browser: httpx.AsyncClient) -> None:
    order = {
        **WHO,
        "content_type": "audio/m4a",
        "size_bytes": len(SOUND),
        "sha256": hashlib.sha256(SOUND).hexdigest(),
    }
    grant = (await browser.post("/speech/recordings/grants", json=order, headers=APP)).json()
    async with httpx.AsyncClient(timeout=60) as store:
        await store.request(grant["method"], grant["url"], headers=grant["headers"], content=SOUND)
    path = f"/speech/recordings/grants/{grant['token']}/commit"
    told = await browser.post(path, json={"attempt": grant["attempt"]}, headers=APP)

    assert told.json()["recording_id"] == "r1"
    assert (await asked(browser))["size_bytes"] == len(SOUND)


async def test_every_call_asks_for_a_bearer_token(browser: httpx.AsyncClient) -> None:
    answers = [
        await browser.post("/speech/recordings"),
        await browser.post("/speech/recordings/grants", json={}),
        await browser.get("/speech/recordings/r1?user_id=u7"),
        await browser.post("/speech/recordings/r1/delete?user_id=u7"),
        await browser.post("/speech/analyze"),
        await browser.post("/process"),
    ]

    assert [answer.status_code for answer in answers] == [401] * 6


@pytest.mark.parametrize(
    ("parts", "fault"),
    [({"files": {"file": ("talk.wav", b"")}}, "It is empty."), ({"data": {"file": "talk"}}, "Expected a file")],
)
async def test_what_is_no_sound_at_all_is_told_in_the_words_of_the_form(
    browser: httpx.AsyncClient, parts: dict[str, Any], fault: str
) -> None:
    form = {"data": WHO | parts.get("data", {}), "files": parts.get("files", {"other": b""})}

    answer = await browser.post("/speech/recordings", headers=APP, **form)

    assert answer.status_code == 422
    assert answer.json()["error"]["violations"] == [{"field": "file", "description": fault}]

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest

if TYPE_CHECKING:
    from mayfly_client.testing import FakeMayfly

SOUND = b"RIFF\x24\x00\x00\x00WAVE" + bytes(2_000)


async def upload(browser: httpx.AsyncClient, name: str = "talk.wav", kind: str = "audio/wav") -> httpx.Response:
    return await browser.post("/api/page/recordings", files={"file": (name, SOUND, kind)})


async def test_a_recording_is_kept_for_the_guest_and_ends_with_the_day(
    browser: httpx.AsyncClient, fake: FakeMayfly
) -> None:
    answer = await upload(browser)

    audio = answer.json()["audio"]
    assert answer.status_code == 201
    assert (audio["kind"], audio["file_name"], audio["size_bytes"]) == ("recording", "talk.wav", len(SOUND))
    assert (await browser.get("/api/page/history")).json()["audios"] == [audio]
    async with httpx.AsyncClient(timeout=60) as other:
        signed = (await browser.get(audio["link"])).headers["location"]
        assert (await other.get(signed)).content == SOUND
    fake.clock.advance(timedelta(days=1))
    assert (await browser.get(audio["link"])).status_code == 410


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        ("talk.m4a", "audio/x-m4a", "audio/m4a"),
        ("talk.webm", "video/webm", "audio/webm"),
        ("talk.webm", "audio/webm;codecs=opus", "audio/webm"),
        ("talk.mp3", "application/octet-stream", "mp3"),
        ("talk.caf", "", "audio/x-caf"),
    ],
)
async def test_what_browsers_call_it_is_understood(
    browser: httpx.AsyncClient, name: str, kind: str, expected: str
) -> None:
    assert (await upload(browser, name, kind)).json()["audio"]["format"] == expected


@pytest.mark.parametrize(("name", "kind"), [("page.html", "text/html"), ("x", ""), ("x.svg", "image/svg+xml")])
async def test_what_is_no_audio_is_not_taken(browser: httpx.AsyncClient, name: str, kind: str) -> None:
    answer = await upload(browser, name, kind)

    assert (answer.status_code, answer.json()["error"]["reason"]) == (415, "CONTENT_TYPE_NOT_ALLOWED")


async def test_a_file_name_keeps_no_folders(browser: httpx.AsyncClient) -> None:
    answer = await upload(browser, "..\\..\\C:/secret\u202e plans.wav")

    assert answer.json()["audio"]["file_name"] == "secret plans.wav"


async def granted(browser: httpx.AsyncClient, **changes: Any) -> httpx.Response:
    order = {
        "file_name": "talk.wav",
        "content_type": "audio/wav",
        "size_bytes": len(SOUND),
        "sha256": hashlib.sha256(SOUND).hexdigest(),
    }
    return await browser.post("/api/page/recordings/grants", json={**order, **changes})


async def test_a_recording_goes_straight_to_the_store_with_a_grant(browser: httpx.AsyncClient) -> None:
    grant = (await granted(browser)).json()
    async with httpx.AsyncClient(timeout=60) as store:
        put = await store.request(grant["method"], grant["url"], headers=grant["headers"], content=SOUND)
    committed = await browser.post(f"/api/page/recordings/{grant['token']}/commit", json={"attempt": grant["attempt"]})

    assert put.is_success
    assert committed.json()["audio"]["token"] == grant["token"]
    assert (await browser.get(f"/a/{grant['token']}")).status_code == 302


async def test_each_recording_counts_for_the_address_whatever_the_cookie(
    browser: httpx.AsyncClient, fake: FakeMayfly
) -> None:
    await upload(browser)
    await granted(browser)

    told: list[Any] = [call.request for call in fake.calls if call.method == "ReserveQuota"]
    counted = [(one.collection, one.subject.guest_address, one.size_bytes) for one in told]
    assert counted == [("recordings", "127.0.0.1", len(SOUND))] * 2


async def test_nothing_can_be_heard_before_the_commit_and_nobody_else_commits(browser: httpx.AsyncClient) -> None:
    grant = (await granted(browser)).json()

    early = await browser.get(f"/a/{grant['token']}")
    wrong = await browser.post(f"/api/page/recordings/{grant['token']}/commit", json={"attempt": "made-up"})

    assert early.status_code == 410
    assert wrong.status_code in {400, 409}


@pytest.mark.parametrize("changes", [{"size_bytes": 0}, {"sha256": "x"}, {"size_bytes": 10**15}])
async def test_a_grant_for_impossible_bytes_is_refused(browser: httpx.AsyncClient, changes: dict[str, Any]) -> None:
    assert (await granted(browser, **changes)).status_code == 422


async def test_a_grant_for_too_much_says_how_much_is_taken(browser: httpx.AsyncClient) -> None:
    answer = await granted(browser, size_bytes=10**10)

    assert (answer.status_code, answer.json()["error"]["reason"]) == (413, "AUDIO_TOO_LARGE")

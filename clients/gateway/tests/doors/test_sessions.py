from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

import httpx
import pytest
from mayfly.sweeper.v1 import sweeper_service_pb2 as sweeper_pb

from mayfly_gateway.app import create_app
from mayfly_gateway.config import GatewaySettings

if TYPE_CHECKING:
    from mayfly_client import AsyncClient, StorageInfo
    from mayfly_client.testing import FakeMayfly

ANNE = {"Authorization": f"Bearer {'a' * 16}"}
ORDER = {
    "text": "Hello there. How are you?",
    "voice": "af_heart",
    "language_code": "a",
    "use_s3": True,
    "presigned_url_expiry": 7_200,
}


@pytest.fixture
def settings() -> GatewaySettings:
    return GatewaySettings.load(
        secret="s" * 32, callers=f"anne={'a' * 16}", session_voices={"bm_george": "de_DE-fake-low"}
    )


def asked_of(fake: FakeMayfly, method: str) -> list[Any]:
    """The requests that the services got."""
    return [call.request for call in fake.calls if call.method == method]


async def generated(browser: httpx.AsyncClient, **changes: Any) -> httpx.Response:
    return await browser.post("/api/v1/tts/generate", json={**ORDER, **changes}, headers=ANNE)


async def test_the_answer_has_system_bs_fields(browser: httpx.AsyncClient, fake: FakeMayfly) -> None:
    told = (await generated(browser)).json()

    now = int(fake.clock.now().timestamp())
    assert set(told) == {
        "message",
        "audio_files",
        "audio_segments",
        "total_segments",
        "language_code",
        "voice",
        "processing_time",
        "storage_type",
        "session_id",
        "expires_at",
        "first_audio_url",
    }
    assert (told["voice"], told["language_code"], told["total_segments"]) == ("af_heart", "a", 2)
    assert told["session_id"] == f"{now}_anne"
    assert told["expires_at"] == pytest.approx(now + 7_200, abs=1)
    assert told["storage_type"] == "local"
    first, second = told["audio_segments"]
    assert set(first) == {
        "index",
        "graphemes",
        "phonemes",
        "filename",
        "local_url",
        "presigned_url",
        "s3_key",
        "expires_at",
    }
    assert (first["index"], first["graphemes"], first["filename"]) == (0, "Hello there.", "segment_000.wav")
    assert (second["index"], second["filename"]) == (1, "segment_001.wav")
    assert told["first_audio_url"] == first["presigned_url"] == told["audio_files"][0]


async def test_each_segment_lies_under_the_users_session(browser: httpx.AsyncClient, fake: FakeMayfly) -> None:
    told = (await generated(browser)).json()

    async with fake.async_client() as mayfly:
        keys = sorted([audio.object_key async for audio in mayfly.list(session_id=told["session_id"])])
    assert keys == [f"audio/users/anne/{told['session_id']}/segment_00{number}.wav" for number in (0, 1)]


async def test_both_links_of_a_segment_play_until_its_end(browser: httpx.AsyncClient, fake: FakeMayfly) -> None:
    segment = (await generated(browser)).json()["audio_segments"][0]

    async with httpx.AsyncClient(timeout=60) as other:
        presigned = await other.get(segment["presigned_url"])
        local = await other.get((await browser.get(segment["local_url"])).headers["location"])
    fake.clock.advance(timedelta(days=7))

    assert presigned.content == local.content
    assert (await browser.get(segment["local_url"])).status_code == 410


async def test_a_local_link_is_no_use_for_another_file(browser: httpx.AsyncClient) -> None:
    first, second = (await generated(browser)).json()["audio_segments"]

    swapped = second["local_url"].partition("?")[0] + "?" + first["local_url"].partition("?")[2]
    bare = first["local_url"].partition("?")[0]
    elsewhere = first["local_url"].replace("/static/audio/", "/static/audio/1")

    assert [(await browser.get(path)).status_code for path in (swapped, bare, elsewhere)] == [404, 404, 404]


async def test_without_s3_there_are_no_presigned_links(browser: httpx.AsyncClient) -> None:
    told = (await generated(browser, use_s3=False)).json()

    assert [each["presigned_url"] for each in told["audio_segments"]] == [None, None]
    assert told["first_audio_url"].startswith("/static/audio/")
    assert told["expires_at"] is None


async def test_two_sessions_of_one_second_are_two(browser: httpx.AsyncClient) -> None:
    first, second = [(await generated(browser)).json() for _ in range(2)]

    assert first["session_id"] != second["session_id"]
    assert first["first_audio_url"] != second["first_audio_url"]


async def test_a_session_of_another_replica_in_the_same_second_is_avoided(
    browser: httpx.AsyncClient, fake: FakeMayfly
) -> None:
    now = int(fake.clock.now().timestamp())
    async with fake.async_client() as other:
        fields = {"session_id": f"{now}_anne"}
        await other.speak("Hi.", collection="speech-sessions", key_fields=fields, user_id="anne", file_per_segment=True)

    assert (await generated(browser)).json()["session_id"] == f"{now + 1}_anne"


async def test_simple_takes_a_text_alone(browser: httpx.AsyncClient) -> None:
    answer = await browser.post("/api/v1/tts/generate-simple", json={"text": "Hello."}, headers=ANNE)

    assert (answer.json()["voice"], answer.json()["total_segments"]) == ("af_heart", 1)


async def test_names_of_the_engine_before_are_mapped(browser: httpx.AsyncClient, fake: FakeMayfly) -> None:
    mapped = await generated(browser, voice="bm_george")
    unknown = await generated(browser, voice="en_US-nobody-low")

    assert mapped.status_code == 200
    assert asked_of(fake, "Synthesize")[0].options.voice == "de_DE-fake-low"
    assert unknown.json()["error"]["reason"] == "VOICE_UNKNOWN"


@pytest.mark.parametrize(("code", "language"), [("a", "en_US"), ("b", "en_GB"), ("de_DE", "de_DE")])
async def test_for_names_that_are_not_mapped_the_language_decides(
    browser: httpx.AsyncClient, fake: FakeMayfly, code: str, language: str
) -> None:
    await generated(browser, voice="af_heart", language_code=code)

    options = asked_of(fake, "Synthesize")[0].options
    assert (options.voice, options.language_code) == ("", language)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/v1/tts/generate"),
        ("POST", "/api/v1/tts/generate-simple"),
        ("GET", "/api/v1/tts/s3-info"),
        ("POST", "/api/v1/tts/cleanup"),
    ],
)
async def test_every_call_asks_for_a_bearer_token(browser: httpx.AsyncClient, method: str, path: str) -> None:
    answer = await browser.request(method, path, json={"text": "Hello."} if method == "POST" else None)

    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


async def test_s3_info_tells_whether_it_is_s3(browser: httpx.AsyncClient) -> None:
    told = (await browser.get("/api/v1/tts/s3-info", headers=ANNE)).json()

    assert told["s3_enabled"] is False
    assert told["presigned_url_expiry"] == 3_600


@pytest.mark.parametrize(
    ("backend", "fallback_active", "expected"), [("aws", False, True), ("aws", True, False), ("embedded", False, False)]
)
async def test_s3_is_enabled_where_it_is_the_store_and_answers(
    fake: FakeMayfly, settings: GatewaySettings, *, backend: str, fallback_active: bool, expected: bool
) -> None:
    async with fake.async_client() as mayfly:
        info = replace(await mayfly.storage_info(), backend=backend, fallback_active=fallback_active)

    class Store:
        async def storage_info(self) -> StorageInfo:
            return info

    transport = httpx.ASGITransport(app=create_app(settings, cast("AsyncClient", Store()), now=fake.clock.now))
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as http:
        told = (await http.get("/api/v1/tts/s3-info", headers=ANNE)).json()

    assert (told["s3_enabled"], told["fallback_active"]) == (expected, fallback_active)


@pytest.mark.parametrize(("cleanup_s3", "store"), [(False, "STORE_LOCAL"), (True, "STORE_UNSPECIFIED")])
async def test_cleanup_leaves_s3_alone_unless_it_is_asked(
    browser: httpx.AsyncClient, fake: FakeMayfly, *, cleanup_s3: bool, store: str
) -> None:
    await browser.post("/api/v1/tts/cleanup", json={"cleanup_s3": cleanup_s3}, headers=ANNE)

    [asked] = asked_of(fake, "StartSweep")
    assert sweeper_pb.StartSweepRequest.Store.Name(asked.store) == store


async def test_cleanup_removes_what_has_ended_and_nothing_else(browser: httpx.AsyncClient, fake: FakeMayfly) -> None:
    await generated(browser)
    fake.clock.advance(timedelta(days=6))
    await generated(browser)
    fake.clock.advance(timedelta(days=2))

    told = await browser.post("/api/v1/tts/cleanup", json={"days_old": 7, "cleanup_s3": False}, headers=ANNE)

    assert (told.status_code, told.json()["s3_files_cleaned"]) == (200, 0)
    assert told.json()["local_files_cleaned"] == 2

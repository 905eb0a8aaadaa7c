from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from mayfly_client.testing import FakeMayfly

if TYPE_CHECKING:
    import httpx

TEXT = "Hello there. How are you?"


def lines(answer: httpx.Response) -> list[dict[str, Any]]:
    return [json.loads(line) for line in answer.text.splitlines()]


async def test_the_page_knows_what_it_can_choose_from(browser: httpx.AsyncClient) -> None:
    told = (await browser.get("/api/page/voices")).json()

    assert [voice["name"] for voice in told["voices"]] == ["de_DE-fake-low", "en_US-fake-low"]
    assert told["voices"][0]["speakers"] == ["anna", "otto"]
    assert told["formats"][:2] == ["wav", "mp3"]
    assert told["limits"]["max_characters"] == 5_000


async def test_speech_is_heard_and_read_while_it_is_made_and_stored_at_last(browser: httpx.AsyncClient) -> None:
    answer = await browser.post("/api/page/speech", json={"text": TEXT})

    told = lines(answer)
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    assert [one["type"] for one in told if one["type"] != "audio"] == ["header", "words", "words", "audio_stored"]
    sound = b"".join(base64.b64decode(one["data"]) for one in told if one["type"] == "audio")
    assert sound.startswith(b"RIFF")
    stored = told[-1]["audio"]
    assert stored["size_bytes"] == len(sound)
    assert stored["link"] == f"/a/{stored['token']}"
    assert (stored["format"], stored["text"], stored["kind"]) == ("wav", TEXT, "speech")
    assert stored["words"] == [word for one in told if one["type"] == "words" for word in one["words"]]
    assert max(stored["peaks"]) > 0
    assert stored["expire_time"].endswith("Z")


async def test_a_new_guest_gets_a_cookie_that_scripts_and_other_sites_never_see(browser: httpx.AsyncClient) -> None:
    answer = await browser.post("/api/page/speech", json={"text": TEXT})

    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "text"),
        ({"text": ""}, "text"),
        ({"text": "a", "format": "exe"}, "format"),
        ({"text": "a", "speed": 5}, "speed"),
        ({"text": "a", "colour": "red"}, "colour"),
    ],
)
async def test_wrong_fields_are_named(browser: httpx.AsyncClient, body: dict[str, Any], field: str) -> None:
    answer = await browser.post("/api/page/speech", json=body)

    assert answer.status_code == 422
    assert answer.json()["error"]["reason"] == "INVALID_REQUEST"
    assert [one["field"] for one in answer.json()["error"]["violations"]] == [field]


async def test_a_text_counts_with_its_characters_for_the_address(browser: httpx.AsyncClient, fake: FakeMayfly) -> None:
    await browser.post("/api/page/speech", json={"text": TEXT})

    counted: Any = next(call.request for call in fake.calls if call.method == "ReserveQuota")
    assert (counted.subject.guest_address, counted.characters) == ("127.0.0.1", len(TEXT))


async def test_a_text_that_is_too_long_is_refused_before_anything_is_counted(
    browser: httpx.AsyncClient, fake: FakeMayfly
) -> None:
    answer = await browser.post("/api/page/speech", json={"text": "a" * 5_001})

    assert (answer.status_code, answer.json()["error"]["reason"]) == (413, "TEXT_TOO_LONG")
    assert [call.method for call in fake.calls] == []


async def test_an_unknown_voice_is_an_error_before_the_stream_begins(browser: httpx.AsyncClient) -> None:
    answer = await browser.post("/api/page/speech", json={"text": TEXT, "voice": "nobody"})

    assert (answer.status_code, answer.json()["error"]["reason"]) == (404, "VOICE_UNKNOWN")


@pytest.mark.parametrize(
    ("text", "reason"), [(" ", "TEXT_EMPTY"), ("...", "TEXT_UNSPEAKABLE"), ("a\0b", "TEXT_UNSPEAKABLE")]
)
async def test_a_text_that_cannot_be_spoken_is_an_error_before_the_stream_begins(
    browser: httpx.AsyncClient, text: str, reason: str
) -> None:
    answer = await browser.post("/api/page/speech", json={"text": text})

    assert (answer.status_code, answer.json()["error"]["reason"]) == (400, reason)


@pytest.mark.parametrize(
    ("content_type", "body", "told"),
    [
        ("application/json", b'{"text": "Hel', "The body is no JSON; at character 9: Unterminated string starting at"),
        ("application/json", b"null", "The body must be a JSON object, sent as application/json"),
        ("application/json", b"[]", "The body must be a JSON object, sent as application/json"),
        ("text/plain", b'{"text": "Hello."}', "The body must be a JSON object, sent as application/json"),
    ],
)
async def test_a_body_of_the_wrong_form_is_told_as_such(
    browser: httpx.AsyncClient, content_type: str, body: bytes, told: str
) -> None:
    answer = await browser.post("/api/page/speech", content=body, headers={"Content-Type": content_type})

    error = answer.json()["error"]
    assert (answer.status_code, error["reason"]) == (422, "INVALID_REQUEST")
    assert told in error["message"]
    assert "violations" not in error


async def test_a_busy_synth_says_when_to_come_again(browser: httpx.AsyncClient, fake: FakeMayfly) -> None:
    fake.refuse("StreamSynthesize", grpc.StatusCode.RESOURCE_EXHAUSTED, "SERVER_BUSY")

    answer = await browser.post("/api/page/speech", json={"text": TEXT})

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


async def test_a_failure_of_ours_tells_nothing_of_the_text(
    browser: httpx.AsyncClient, fake: FakeMayfly, caplog: pytest.LogCaptureFixture
) -> None:
    fake.refuse("StreamSynthesize", grpc.StatusCode.INTERNAL, "INTERNAL")

    answer = await browser.post("/api/page/speech", json={"text": TEXT})

    assert (answer.status_code, answer.json()["error"]["reason"]) == (500, "INTERNAL")
    assert "Hello" not in caplog.text + answer.text


class TestQuota:
    @pytest.fixture
    def fake(self) -> Any:
        with FakeMayfly(requests_per_minute=2) as running:
            yield running

    async def test_a_guest_who_drops_the_cookie_has_no_second_quota(self, browser: httpx.AsyncClient) -> None:
        statuses = []
        for _ in range(3):
            browser.cookies.clear()
            statuses.append(await browser.post("/api/page/speech", json={"text": TEXT}))

        assert [answer.status_code for answer in statuses] == [200, 200, 429]
        refused = statuses[-1]
        assert int(refused.headers["retry-after"]) in range(1, 61)
        assert refused.json()["error"]["metadata"]["limit"] == "2"

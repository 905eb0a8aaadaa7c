"""What may be asked of a path, and how."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

if TYPE_CHECKING:
    from mayfly_client.testing import FakeMayfly


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/docs",
        "/openapi.json",
        "/healthz",
        "/readyz",
        "/v1/models",
        "/v1/audio/voices",
        "/api/page/voices",
        "/a/x",
    ],
)
async def test_head_is_answered_as_get_is_without_the_body(browser: httpx.AsyncClient, path: str) -> None:
    got, head = await browser.get(path), await browser.head(path)

    assert (head.status_code, head.content) == (got.status_code, b"")
    assert head.headers == got.headers


async def test_a_segment_can_be_looked_at_before_it_is_fetched(browser: httpx.AsyncClient) -> None:
    spoken = await browser.post("/api/v1/tts/generate", json={"text": "Hello."})

    head = await browser.head(spoken.json()["audio_segments"][0]["local_url"])

    assert (head.status_code, head.content) == (302, b"")
    assert head.headers["location"].startswith("http")


async def test_head_over_a_real_connection_leaves_it_open_for_the_next_request(serve: Any, fake: FakeMayfly) -> None:
    server = await serve()

    async with httpx.AsyncClient(base_url=f"http://{server.address}", timeout=60) as http:
        answers = [await http.head("/docs"), await http.get("/healthz"), await http.head("/nothing")]

    assert [answer.status_code for answer in answers] == [200, 200, 404]
    assert int(answers[0].headers["content-length"]) > 1_000
    assert fake.calls == ()


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/api/page/history", "GET, HEAD, DELETE"),
        ("PUT", "/speech/recordings/r1", "GET, HEAD, DELETE"),
        ("GET", "/public/tts/sync", "POST"),
        ("OPTIONS", "/healthz", "GET, HEAD"),
        ("TRACE", "/", "GET, HEAD"),
    ],
)
async def test_a_method_that_is_not_taken_is_told_with_all_that_are(
    browser: httpx.AsyncClient, method: str, path: str, allowed: str
) -> None:
    answer = await browser.request(method, path)

    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)

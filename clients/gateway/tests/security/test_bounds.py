"""What is too much, too slow or ambiguous, over real connections."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from mayfly_client.testing import FakeMayfly

SPEECH = "/public/tts/sync"


async def raw(address: str, request: bytes) -> bytes:
    """All that a server answers to bytes, until it hangs up."""
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(request)
        await writer.drain()
        return await reader.read()
    finally:
        writer.close()


def head(*lines: str, path: str = SPEECH) -> bytes:
    return "\r\n".join([f"POST {path} HTTP/1.1", "Host: gateway", "Connection: close", *lines, "", ""]).encode()


async def test_a_body_that_is_announced_too_large_is_refused_before_it_is_read(serve: Any) -> None:
    server = await serve(max_text_bytes=1_024)

    answer = await raw(str(server.address), head("Content-Length: 1000000000000"))

    assert answer.startswith(b"HTTP/1.1 413")
    assert b'"CONTENT_TOO_LARGE"' in answer


async def test_a_body_that_turns_out_too_large_is_refused_while_it_comes(serve: Any, fake: FakeMayfly) -> None:
    server = await serve(max_text_bytes=1_024)

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(64):
            yield b'{"text": "' + b"a" * 1_024

    async with httpx.AsyncClient(base_url=f"http://{server.address}", timeout=60) as http:
        answer = await http.post(SPEECH, content=endless(), headers={"Content-Type": "application/json"})

    assert (answer.status_code, answer.json()["error"]["reason"]) == (413, "CONTENT_TOO_LARGE")
    assert fake.calls == ()


async def test_uploads_may_be_larger_than_texts_and_have_a_bound_of_their_own(serve: Any) -> None:
    server = await serve(max_text_bytes=1_024, max_upload_bytes=4_096)

    async with httpx.AsyncClient(base_url=f"http://{server.address}", timeout=60) as http:
        taken = await http.post("/api/page/recordings", files={"file": ("a.wav", bytes(4_096), "audio/wav")})
        refused = await http.post("/api/page/recordings", files={"file": ("a.wav", bytes(100_000), "audio/wav")})

    assert (taken.status_code, refused.status_code) == (201, 413)


@pytest.mark.parametrize(
    "lines",
    [
        ("Content-Length: 5", "Transfer-Encoding: chunked"),
        ("Content-Length: 5", "Content-Length: 6"),
        ("Content-Length: -1",),
        ("Content-Length: 0x10",),
    ],
)
async def test_a_request_that_two_servers_could_read_in_two_ways_is_refused(serve: Any, lines: tuple[str, ...]) -> None:
    server = await serve()

    answer = await raw(str(server.address), head(*lines) + b"12345")

    assert answer.startswith(b"HTTP/1.1 400")


async def test_a_body_that_stalls_is_not_waited_for(serve: Any) -> None:
    server = await serve(body_timeout=timedelta(milliseconds=50))

    answer = await raw(str(server.address), head("Content-Length: 100", "Content-Type: application/json") + b'{"te')

    assert answer.startswith(b"HTTP/1.1 408")


async def test_an_upload_that_stalls_is_not_waited_for(serve: Any, fake: FakeMayfly) -> None:
    server = await serve(body_timeout=timedelta(milliseconds=50))
    form = "Content-Type: multipart/form-data; boundary=B"
    begun = b'--B\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\nRIFF'

    answer = await raw(str(server.address), head("Content-Length: 9000", form, path="/api/page/recordings") + begun)

    assert answer.startswith(b"HTTP/1.1 408")
    assert fake.calls == ()


async def test_a_connection_that_does_not_say_what_it_wants_is_cut(serve: Any) -> None:
    server = await serve(head_timeout=timedelta(milliseconds=50))
    host, _, port = str(server.address).rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))

    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await reader.readexactly(1)
    writer.close()


async def test_one_request_too_many_is_told_so_and_probes_are_answered(serve: Any, fake: FakeMayfly) -> None:
    fake.hang("Synthesize")
    server = await serve(max_requests=1)
    async with httpx.AsyncClient(base_url=f"http://{server.address}", timeout=60) as http:
        first = asyncio.create_task(http.post(SPEECH, json={"text": "Hello."}))
        while not any(call.method == "Synthesize" for call in fake.calls):  # noqa: ASYNC110 - a list is all there is
            await asyncio.sleep(0.01)

        second = await http.post(SPEECH, json={"text": "Hello."})
        probe = await http.get("/healthz")
        first.cancel()

    assert (second.status_code, second.json()["error"]["reason"]) == (503, "SERVER_BUSY")
    assert second.headers["retry-after"] == "1"
    assert probe.status_code == 200


async def test_a_request_that_takes_too_long_ends(serve: Any, fake: FakeMayfly) -> None:
    fake.hang("Synthesize")
    server = await serve(request_timeout=timedelta(milliseconds=100))

    async with httpx.AsyncClient(base_url=f"http://{server.address}", timeout=60) as http:
        answer = await http.post(SPEECH, json={"text": "Hello."})

    assert (answer.status_code, answer.json()["error"]["reason"]) == (504, "DEADLINE_EXCEEDED")


@pytest.mark.parametrize("path", ["/process", "/speech/recordings", "/speech/analyze", "/v1/audio/transcriptions"])
async def test_a_strangers_upload_is_refused_before_it_is_read(serve: Any, path: str) -> None:
    server = await serve(callers=f"app={'a' * 16}")
    form = "Content-Type: multipart/form-data; boundary=B"

    answer = await raw(str(server.address), head("Content-Length: 40000000", "Expect: 100-continue", form, path=path))

    # Whoever asked for leave to send would have been told 100 first.
    assert answer.startswith(b"HTTP/1.1 401")
    assert b"www-authenticate: Bearer" in answer

"""The transcriber against a server of OpenAI's API, over real HTTP."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import HTTP
from typing import TYPE_CHECKING, Any

import pytest

from mayfly_synth.adapters.transcriber import OpenAiTranscriber
from mayfly_synth.domain.processing_errors import TranscriberFailedError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

Answer = Callable[["Asked"], bytes]


class Asked:
    """One request as it came."""

    def __init__(self, line: str, headers: dict[str, str], body: bytes) -> None:
        self.line, self.headers = line, headers
        head = f"Content-Type: {headers.get('content-type', '')}\r\n\r\n".encode()
        parsed = BytesParser(EmailMessage, policy=HTTP).parsebytes(head + body)
        self.fields = {part.get_param("name", header="content-disposition"): part for part in parsed.iter_parts()}

    def text(self, name: str) -> str:
        content = self.fields[name].get_payload(decode=True)
        assert isinstance(content, bytes)
        return content.decode().strip()


def http(status: str, body: bytes, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def said(text: Any) -> Answer:
    return lambda _: http("200 OK", json.dumps(text).encode(), "Content-Type: application/json")


@asynccontextmanager
async def server(answer: Answer) -> AsyncIterator[tuple[str, list[Asked]]]:
    """`POST /v1/audio/transcriptions`; answers its address, and what it was asked."""
    asked: list[Asked] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) if "boundary" not in line else _cased(line) for line in head[1:-2])
        body = await reader.readexactly(int(headers["content-length"]))
        asked.append(Asked(head[0], headers, body))
        writer.write(answer(asked[-1]))
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listening:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}", asked


def _cased(line: str) -> list[str]:
    name, value = line.split(": ", 1)
    return [name.lower(), value]


async def transcribed(url: str, *, key: str | None = None) -> str:
    async with OpenAiTranscriber(url=url, model="whisper-1", key=key) as transcriber:
        return await transcriber.transcribe(b"ID3 and so on", content_type="audio/mpeg", file_name="audio.mp3")


async def test_the_audio_is_sent_as_a_form_and_the_text_is_answered() -> None:
    async with server(said({"text": " Good morning. "})) as (url, asked):
        assert await transcribed(f"{url}/", key="secret") == "Good morning."

    (request,) = asked
    assert request.line == "POST /v1/audio/transcriptions HTTP/1.1"
    assert request.headers["authorization"] == "bearer secret"
    assert (request.text("model"), request.text("response_format")) == ("whisper-1", "json")
    file = request.fields["file"]
    assert (file.get_filename(), file.get_content_type()) == ("audio.mp3", "audio/mpeg")
    assert file.get_payload(decode=True) == b"ID3 and so on"


async def test_without_a_key_none_is_sent() -> None:
    async with server(said({"text": "Hello."})) as (url, asked):
        await transcribed(url)

    assert "authorization" not in asked[0].headers


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (lambda _: http("401 Unauthorized", b"your key sk-123 is wrong"), "it answered 401"),
        (lambda _: http("429 Too Many Requests", b""), "too much to do"),
        (lambda _: http("500 Internal Server Error", b"who said that"), "it answered 500"),
        (lambda _: http("307 Temporary Redirect", b"", "Location: http://127.0.0.1:1/"), "it answered 307"),
        (lambda _: http("200 OK", b"<html>"), "no JSON"),
        (said({"words": []}), "no `text`"),
        (said(["text"]), "no `text`"),
        (said({"text": "a" * 2_000_000}), "too long"),
        (lambda _: http("200 OK", b"[" * 100_000), "no JSON"),
        (lambda _: http("200 OK", b'{"text": ' + b"1" * 100_000 + b"}"), "no JSON"),
        # Nobody asked for it compressed: a thousandth of what it would unpack to is read as it is.
        (lambda _: http("200 OK", gzip.compress(b'{"text": "a"}'), "Content-Encoding: gzip"), "no JSON"),
        (lambda _: b"", "does not answer"),
        (lambda _: b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", "does not answer"),
    ],
)
async def test_what_is_no_transcript_is_a_failure_that_repeats_nothing(answer: Answer, told: str) -> None:
    async with server(answer) as (url, _):
        with pytest.raises(TranscriberFailedError, match=told) as failed:
            await transcribed(url)

    assert failed.value.retry_after
    assert "sk-123" not in str(failed.value)


async def test_half_a_character_is_none() -> None:
    async with server(lambda _: http("200 OK", b'{"text": "Hello \\ud83d, \\ud83d\\ude00"}')) as (url, _):
        assert await transcribed(url) == "Hello ?, \U0001f600"


async def test_an_answer_that_never_ends_is_not_waited_for() -> None:
    left = asyncio.Event()

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # On a slow machine the caller may be gone before its request is there.
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
            while not writer.is_closing():
                writer.write(b" ")
                await writer.drain()
                await asyncio.sleep(0.01)
        writer.close()
        left.set()

    async with await asyncio.start_server(drip, "127.0.0.1", 0) as listening:
        url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        async with OpenAiTranscriber(url=url, model="whisper-1", patience=timedelta(seconds=0.5)) as transcriber:
            with pytest.raises(TranscriberFailedError, match="TimeoutError"):
                await transcriber.transcribe(b"ID3", content_type="audio/mpeg", file_name="audio.mp3")
        await left.wait()


async def test_nobody_there_is_a_failure() -> None:
    with pytest.raises(TranscriberFailedError, match="ConnectError"):
        await transcribed("http://127.0.0.1:1")

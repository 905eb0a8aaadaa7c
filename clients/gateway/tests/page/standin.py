"""The page's half of the gateway, in memory: what the page is promised, with brakes and faults that tests can set.

Files, headers and the policy are the gateway's own. The audio is real: the shipped voice, spoken once. The store of the
signed links is another origin, as it is in life.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request
from fastapi.responses import (
    FileResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)

from clients.gateway.tests.page.chromium import PATIENCE
from clients.gateway.tests.page.speech import SPEECH, long_speech, pcm, peaks, sentences
from mayfly_gateway.doors import pages
from mayfly_gateway.security.dates import Dated
from mayfly_gateway.security.headers import SecurityHeaders

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

FORMATS = ["wav", "mp3", "opus", "aac", "flac"]
VOICES = [
    {"name": "en_US-mayfly-low", "language_code": "en_US", "sample_rate": 16000, "speakers": []},
    {"name": "de_DE-duo-medium", "language_code": "de_DE", "sample_rate": 22050, "speakers": ["anna", "ben"]},
]


@dataclass(slots=True)
class Standin:
    """What the page talks to, and what a test can do to it."""

    store: str = ""
    """Origin of the signed links."""
    lifetime: timedelta = timedelta(hours=24)
    ahead: timedelta = timedelta()
    """How far its clock is ahead of the machine's. The page hears of the time with every answer."""
    audios: dict[str, dict[str, Any]] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    rest: asyncio.Event = field(default_factory=asyncio.Event)
    """All but the first sentence waits for it."""
    holds_uploads: bool = False
    """Whether the answer to an upload waits for `rest`, too."""
    brief_links: bool = False
    """Whether the first signed link gives half of a long speech, and then, after `rest`, nothing more."""
    used_links: list[str] = field(default_factory=list)
    """Signed links that were asked for, while they are brief."""
    breaks: bool = False
    """Whether a stream breaks off after its first sentence."""
    refusal: tuple[int, dict[str, Any], dict[str, str]] | None = None
    """What the next call of the API is answered instead: status, body, headers. A report of playing and a look for the
    cookie, which the page sends on the side, do not take it away."""
    cookie_kept: bool = True
    """Whether the browser shows the cookie that it was given."""
    fault: dict[str, str] | None = None
    """The error that the next stream ends with."""
    orders: list[dict[str, Any]] = field(default_factory=list)
    """What was asked to be spoken."""
    heard: list[tuple[str, str]] = field(default_factory=list)
    """What the page reported of playing: token and outcome."""
    reported: asyncio.Event = field(default_factory=asyncio.Event)
    """Set by the first report."""
    max_upload_bytes: int = 50_000_000
    certificate: int | None = None
    """Number of the certificate that proves deletions; none before a sweep."""
    operators: dict[str, Any] = field(default_factory=dict)
    numbers: itertools.count[int] = field(default_factory=itertools.count)

    def now(self) -> datetime:
        """The time by its clock."""
        return datetime.now(UTC) + self.ahead

    def outlive(self) -> None:
        """Let so much time pass that what is kept now has ended."""
        self.ahead = self.lifetime + timedelta(seconds=1)

    def hold(self) -> None:
        """Hold back all but the first sentence, and the answers to uploads, until `rest`."""
        self.rest.clear()
        self.holds_uploads = True

    def keep(self, **more: Any) -> dict[str, Any]:
        """An audio that is stored now."""
        token = f"tok{next(self.numbers)}xq7Zk2"
        now = self.now()
        audio = {
            "token": token,
            "link": f"/a/{token}",
            "kind": "speech",
            "text": "",
            "voice": "en_US-mayfly-low",
            "duration": 8.755,
            "create_time": now.isoformat(),
            "expire_time": (now + self.lifetime).isoformat(),
            "size_bytes": SPEECH.stat().st_size,
            "format": "wav",
            "peaks": peaks(),
            "words": [word for sentence in sentences() for word in sentence["words"]],
            **more,
        }
        self.audios[token] = audio
        return audio

    def readable(self, token: str) -> bool:
        """Whether a link leads anywhere."""
        audio = self.audios.get(token)
        if audio is None or token in self.gone:
            return False
        end = audio["expire_time"]
        return end is None or datetime.fromisoformat(end) > self.now()

    async def reports(self) -> list[tuple[str, str]]:
        """What the page has reported of playing, once it has: it does so on the side."""
        async with asyncio.timeout(PATIENCE):
            await self.reported.wait()
        return self.heard


def deletion(*, deleted: bool, certificate: int | None = None) -> dict[str, Any]:
    """What the gateway says of a deletion."""
    proof = {"outcome": "DELETED", "verified": True, "certificate": certificate, "certificate_sha256": "5a" * 32}
    return {
        "deleted": deleted,
        "delete_time": datetime.now(UTC).isoformat() if deleted else None,
        "state": "certified" if certificate else "awaits_certificate",
        "receipt": proof if certificate else None,
        "message": "Gone. A certificate says so." if certificate else "Deleted. Nobody can read it any more.",
    }


def application(standin: Standin) -> FastAPI:
    """The gateway's pages over the stand-in."""
    app = FastAPI(openapi_url=None)
    app.include_router(pages.router)
    _add_speech(app, standin)
    _add_history(app, standin)
    _add_audios(app, standin)
    _add_links(app, standin)
    app.add_middleware(Dated, now=standin.now)
    app.add_middleware(SecurityHeaders, link_origins=[standin.store], is_https=False)

    @app.middleware("http")
    async def refuse(request: Request, call_next: Any) -> Response:
        path = request.url.path
        on_the_side = path.endswith("/playback") or (request.method == "GET" and path.count("/") == 4)
        if standin.refusal is None or not path.startswith("/api/") or on_the_side:
            return await call_next(request)
        status, body, headers = standin.refusal
        standin.refusal = None
        return JSONResponse(body, status, headers)

    return app


def _add_speech(app: FastAPI, standin: Standin) -> None:
    @app.get("/api/page/voices")
    async def voices() -> dict[str, Any]:
        limits = {"max_characters": 5_000, "max_upload_bytes": standin.max_upload_bytes}
        return {"voices": VOICES, "formats": FORMATS, "limits": limits}

    @app.post("/api/page/speech")
    async def speech(request: Request) -> StreamingResponse:
        order = await request.json()
        standin.orders.append(order)
        return StreamingResponse(_speech(standin, order), media_type="application/x-ndjson")


def _add_history(app: FastAPI, standin: Standin) -> None:
    @app.get("/api/page/history")
    async def history() -> dict[str, Any]:
        return {"audios": [one for one in reversed(standin.audios.values()) if standin.readable(one["token"])]}

    @app.get("/api/page/audios/{token}")
    async def one(token: str) -> Response:
        if standin.cookie_kept:
            return JSONResponse(standin.audios[token])
        return JSONResponse(
            {"error": {"reason": "AUDIO_NOT_YOURS", "message": "There is no such audio of yours."}}, 404
        )


def _add_audios(app: FastAPI, standin: Standin) -> None:
    @app.delete("/api/page/audios/{token}")
    async def delete(token: str) -> dict[str, Any]:
        deleted = standin.readable(token)
        standin.gone.add(token)
        return deletion(deleted=deleted)

    @app.get("/api/page/audios/{token}/receipt")
    async def receipt(token: str) -> dict[str, Any]:
        return deletion(deleted=False, certificate=standin.certificate)

    @app.post("/api/page/audios/{token}/playback", status_code=204)
    async def playback(token: str, request: Request) -> None:
        standin.heard.append((token, (await request.json())["outcome"]))
        standin.reported.set()

    @app.get("/api/page/audios/{token}/captions.{kind}")
    async def captions(token: str, kind: str) -> Response:
        return PlainTextResponse(f"captions as {kind}", headers=_attachment(f"speech.{kind}"))

    @app.get("/api/page/audios/{token}/file")
    async def file(token: str, format: str) -> Response:  # noqa: A002 - the name of the parameter in the URL
        return FileResponse(SPEECH, headers=_attachment(f"speech.{format}"))

    @app.post("/api/page/recordings")
    async def recordings(request: Request) -> dict[str, Any]:
        # The parts of the form do not matter here, and a form that breaks off leaves files open.
        size = sum([len(chunk) async for chunk in request.stream()])
        if standin.holds_uploads:
            await standin.rest.wait()
        return {"audio": standin.keep(kind="recording", expire_time=None, words=[], duration=None, size_bytes=size)}


def _add_links(app: FastAPI, standin: Standin) -> None:
    @app.get("/api/page/operators")
    async def operators(request: Request) -> Response:
        if request.headers.get("authorization") != "Bearer let-me-see":
            return JSONResponse(
                {"error": {"reason": "CALLER_UNAUTHENTICATED", "message": "The token is not the operators'."}}, 401
            )
        return JSONResponse(standin.operators)

    @app.api_route("/a/{token}", methods=["GET", "HEAD"])
    async def link(token: str) -> Response:
        if standin.readable(token):
            return RedirectResponse(f"{standin.store}/{token}-{next(standin.numbers)}.wav", 302)
        error = {"reason": "AUDIO_GONE", "message": "This audio is gone."}
        return JSONResponse({"error": error}, 410 if token in standin.audios else 404)


def store(standin: Standin) -> FastAPI:
    """Where signed links lead: another origin, with ranges."""
    app = FastAPI(openapi_url=None)

    @app.api_route("/{name}", methods=["GET", "HEAD"])
    async def audio(name: str, request: Request) -> Response:
        if not standin.brief_links:
            return FileResponse(SPEECH)
        is_new = name not in standin.used_links
        if is_new:
            standin.used_links.append(name)
        if name != standin.used_links[0]:
            return _part(request, long_speech())
        if is_new:
            return _part(request, long_speech(), share=0.5)
        await standin.rest.wait()
        return Response(status_code=403)

    return app


def _part(request: Request, whole: bytes, *, share: float = 1) -> Response:
    begin = int(request.headers.get("range", "bytes=0-").removeprefix("bytes=").split("-")[0])
    end = int(len(whole) * share)
    headers = {"Accept-Ranges": "bytes", "Content-Range": f"bytes {begin}-{end - 1}/{len(whole)}"}
    return Response(whole[begin:end], 206, headers, "audio/wav")


async def _speech(standin: Standin, order: dict[str, Any]) -> AsyncIterator[bytes]:
    if standin.fault:
        yield _line({"type": "error", "error": standin.fault})
        return
    yield _line({"type": "header", "content_type": "audio/wav", "sample_rate": 16000, "voice": order["voice"]})
    samples = pcm()
    # A stream of WAV begins with its header, as the service's does.
    yield _line({"type": "audio", "data": base64.b64encode(SPEECH.read_bytes()[: -len(samples)]).decode()})
    begin = 0
    for sentence in sentences():
        end = int(sentence["end"] * 16000) * 2
        for at in range(begin, end, 16384):
            yield _line({"type": "audio", "data": base64.b64encode(samples[at : min(end, at + 16384)]).decode()})
        yield _line({"type": "words", "words": sentence["words"]})
        begin = end
        if standin.breaks:
            return
        await standin.rest.wait()
    yield _line({"type": "audio_stored", "audio": standin.keep(format=order["format"])})


def _line(message: dict[str, Any]) -> bytes:
    return json.dumps(message).encode() + b"\n"


def _attachment(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"'}

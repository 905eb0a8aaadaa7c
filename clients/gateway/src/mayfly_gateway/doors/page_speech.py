"""The page speaks: voices to choose from, and speech that is heard while it is made."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Annotated, Any

from fastapi import APIRouter, Body, Request, Response
from starlette.responses import StreamingResponse

from mayfly_client import AudioChunk, MayflyError, Segment, SpeechHeader, SpeechItem, SpeechTrailer
from mayfly_gateway.audio_shapes import audio_shape, words_of
from mayfly_gateway.errors import GatewayError, problem_of
from mayfly_gateway.first_sound import up_to_first_sound
from mayfly_gateway.formats import FORMATS
from mayfly_gateway.gateway import Gateway, Here, WelcomedGuest
from mayfly_gateway.page_shapes import Limits, SpeechOrder, Voices, VoiceShape
from mayfly_gateway.passing import TEMPORARY
from mayfly_gateway.peaks import PeakMeter
from mayfly_gateway.remembered import SpeechNotes

router = APIRouter(prefix="/api/page", tags=["page"])

NDJSON = "application/x-ndjson"
_log = logging.getLogger("mayfly.gateway")


@router.get("/voices", summary="Voices, formats and limits")
async def voices(here: Here) -> Voices:
    """What the page can choose from."""
    return Voices(
        voices=[VoiceShape.model_validate(each, from_attributes=True) for each in await here.mayfly.voices()],
        formats=list(FORMATS),
        limits=Limits(max_characters=here.settings.max_characters, max_upload_bytes=here.settings.max_upload_bytes),
    )


@router.post(
    "/speech",
    summary="Speak, and hear it while it is made",
    response_class=StreamingResponse,
    responses={200: {"content": {NDJSON: {"schema": {"type": "string"}}}}},
)
async def speech(
    request: Request, response: Response, here: Here, guest: WelcomedGuest, order: Annotated[SpeechOrder, Body()]
) -> StreamingResponse:
    """Lines of JSON: a `header`, `audio` and `words` as they come, and at last `audio_stored` or `error`.

    What is wrong before the first sound is an ordinary error with a status of its own.
    """
    if len(order.text) > here.settings.max_characters:
        raise too_long(len(order.text), here.settings.max_characters)
    # Whose audio it is says the cookie, and how much there may be the address: cookies cost nothing.
    await here.mayfly.reserve_quota(TEMPORARY, characters=len(order.text), guest_address=here.guest_address(request))
    items = here.mayfly.stream_speech(
        order.text,
        voice=order.voice or None,
        speaker=order.speaker or None,
        format=order.format,
        speed=order.speed,
        collection=TEMPORARY,
        user_id=guest,
    )
    lines = _lines(here, order, await up_to_first_sound(items, request), items)
    return StreamingResponse(lines, media_type=NDJSON, headers=dict(response.headers))


def too_long(characters: int, most: int) -> GatewayError:
    """The refusal of a text that is too long."""
    return GatewayError(
        413,
        "TEXT_TOO_LONG",
        f"The text has {characters:,} characters; at most {most:,} can be spoken at a time.",
        remedy="Send it in parts.",
        metadata={"field": "text", "characters": str(characters), "max_characters": str(most)},
    )


async def _lines(
    here: Gateway, order: SpeechOrder, begun: list[SpeechItem], items: AsyncGenerator[SpeechItem]
) -> AsyncIterator[bytes]:
    told = _Telling(here, order)
    try:
        for item in begun:
            yield told.line(item)
        async with aclosing(items):
            async for item in items:
                yield told.line(item)
    except MayflyError as error:
        problem = problem_of(error)
        _log.info("speech.failed", extra={"reason": problem.reason})
        yield _json({"type": "error", **problem.body()})


class _Telling:
    """One text on its way out."""

    def __init__(self, here: Gateway, order: SpeechOrder) -> None:
        self._here = here
        self._order = order
        self._meter = PeakMeter()
        self._segments: list[Segment] = []
        self._voice = order.voice or ""

    def line(self, item: SpeechItem) -> bytes:
        """What the page is told of an item."""
        return _json(self._told(item))

    def _told(self, item: SpeechItem) -> dict[str, Any]:
        if isinstance(item, SpeechHeader):
            self._voice = item.voice
            return {
                "type": "header",
                "content_type": item.content_type,
                "sample_rate": item.sample_rate_hertz,
                "voice": item.voice,
            }
        if isinstance(item, AudioChunk):
            self._meter.feed(item.data)
            return {"type": "audio", "data": base64.b64encode(item.data).decode()}
        if isinstance(item, Segment):
            self._segments.append(item)
            return {"type": "words", "words": [word.model_dump() for word in words_of((item,))]}
        return self._stored(item)

    def _stored(self, trailer: SpeechTrailer) -> dict[str, Any]:
        stored = trailer.stored
        assert stored is not None  # noqa: S101 - nothing asked for `discard`
        notes = SpeechNotes(
            text=self._order.text,
            segments=tuple(self._segments),
            peaks=tuple(self._meter.peaks()),
            expire_time=stored.expire_time,
        )
        self._here.remembered.keep(stored.name, notes)
        shape = audio_shape(stored, self._here.links.token_of(stored.name), notes, voice=self._voice)
        return {"type": "audio_stored", "audio": shape.model_dump()}


def _json(told: dict[str, Any]) -> bytes:
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"

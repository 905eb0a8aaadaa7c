"""OpenAI's transcriptions, where synth has a transcriber."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, File, Form, Response, UploadFile
from starlette.responses import PlainTextResponse

from mayfly_gateway.bearer import Caller, KnownCallersRoute
from mayfly_gateway.callers import ANONYMOUS
from mayfly_gateway.gateway import Here
from mayfly_gateway.openai_events import CONTENT_TYPE, event
from mayfly_gateway.openai_shapes import Transcription, VerboseTranscription
from mayfly_gateway.passing import COPY_LIFE, TEMPORARY, let_go
from mayfly_gateway.spooling import spooled

router = APIRouter(prefix="/v1", tags=["openai"], route_class=KnownCallersRoute)


@router.post(
    "/audio/transcriptions",
    summary="Say what is said",
    response_model=VerboseTranscription | Transcription,
    responses={200: {"content": {kind: {"schema": {"type": "string"}} for kind in ("text/plain", CONTENT_TYPE)}}},
)
async def transcriptions(
    here: Here,
    caller: Caller,
    file: Annotated[UploadFile, File(description="Speech.")],
    model: Annotated[str, Form(min_length=1, max_length=200)],  # noqa: ARG001 - tools insist on one
    response_format: Annotated[Literal["json", "text", "verbose_json"], Form()] = "json",
    *,
    stream: Annotated[bool, Form(description="Answer events; the text comes in one of them.")] = False,
) -> Transcription | Response:
    """Silence is trimmed, what is left is transcribed, and nothing is kept."""
    async with spooled(file) as path:
        heard = await here.mayfly.process_audio(
            path,
            preset="speech-to-text",
            transcribe=True,
            collection=TEMPORARY,
            ttl=COPY_LIFE,
            user_id=None if caller == ANONYMOUS else caller,
        )
    await let_go(here.mayfly, heard.name)
    if stream:
        return Response(_events(heard.transcript), media_type=CONTENT_TYPE)
    if response_format == "text":
        return PlainTextResponse(heard.transcript)
    if response_format == "json":
        return Transcription(text=heard.transcript)
    seconds = (heard.source_duration or heard.duration).total_seconds()
    return VerboseTranscription(text=heard.transcript, duration=seconds)


def _events(text: str) -> bytes:
    told = ({"type": "transcript.text.delta", "delta": text}, {"type": "transcript.text.done", "text": text})
    return b"".join(event(each) for each in told)

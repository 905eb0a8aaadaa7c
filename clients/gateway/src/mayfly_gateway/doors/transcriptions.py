"""OpenAI's transcriptions, where synth has a transcriber."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Final, Literal

from fastapi import APIRouter, File, Form, Response, UploadFile
from starlette.responses import JSONResponse, PlainTextResponse

from mayfly_gateway.bearer import Caller
from mayfly_gateway.callers import ANONYMOUS
from mayfly_gateway.gateway import Here
from mayfly_gateway.spooling import spooled

router = APIRouter(prefix="/v1", tags=["openai"])

_COPY_LIFE: Final = timedelta(minutes=5)
"""Life of the copy that the transcriber hears, should nobody get to delete it."""


@router.post("/audio/transcriptions", summary="Say what is said", response_model=None)
async def transcriptions(
    here: Here,
    caller: Caller,
    file: Annotated[UploadFile, File(description="Speech.")],
    model: Annotated[str, Form(min_length=1, max_length=200)],  # noqa: ARG001 - tools insist on one
    response_format: Annotated[Literal["json", "text", "verbose_json"], Form()] = "json",
) -> Response:
    """Silence is trimmed, what is left is transcribed, and nothing is kept."""
    async with spooled(file) as path:
        heard = await here.mayfly.process_audio(
            path,
            preset="speech-to-text",
            transcribe=True,
            collection="temp-audio",
            ttl=_COPY_LIFE,
            user_id=None if caller == ANONYMOUS else caller,
        )
    await here.mayfly.delete(heard.name)
    if response_format == "text":
        return PlainTextResponse(heard.transcript)
    if response_format == "json":
        return JSONResponse({"text": heard.transcript})
    seconds = (heard.source_duration or heard.duration).total_seconds()
    return JSONResponse({"task": "transcribe", "text": heard.transcript, "duration": seconds, "segments": []})

"""The OpenAI door: tools that speak OpenAI's speech API speak to Mayfly with another base URL."""

from __future__ import annotations

import base64
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any, Final, get_args

from fastapi import APIRouter, Request
from starlette.responses import StreamingResponse

from mayfly_client import AudioChunk, SpeechItem, VoiceNotFoundError
from mayfly_gateway.bearer import KNOWN_CALLER, Caller
from mayfly_gateway.callers import ANONYMOUS
from mayfly_gateway.errors import GatewayError
from mayfly_gateway.first_sound import up_to_first_sound
from mayfly_gateway.formats import FORMATS
from mayfly_gateway.gateway import Here
from mayfly_gateway.openai_events import CONTENT_TYPE, event
from mayfly_gateway.openai_shapes import (
    MODELS,
    AudioModels,
    AudioVoices,
    Model,
    Models,
    Named,
    OpenAIFormat,
    SpeechRequest,
)
from mayfly_gateway.openai_voices import NAMES, voice_for

router = APIRouter(prefix="/v1", tags=["openai"])

PCM_RATE: Final = 24_000
"""What OpenAI's `pcm` is, which says nothing about itself. Unit: hertz."""
_BYTES: Final = {"schema": {"type": "string", "format": "binary"}}
_SOUND: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The audio, or events with it.",
        "content": {
            **{FORMATS[name].content_type: _BYTES for name in get_args(OpenAIFormat)},
            CONTENT_TYPE: {"schema": {"type": "string"}},
        },
    }
}


@router.post("/audio/speech", summary="Speak", response_class=StreamingResponse, responses=_SOUND)
async def speech(request: Request, here: Here, caller: Caller, order: SpeechRequest) -> StreamingResponse:
    """Audio as it is made, or events with audio in them (`stream_format: sse`). Nothing is stored."""
    items = here.mayfly.stream_speech(
        order.input,
        discard=True,
        voice=voice_for(order.voice, here.settings.openai_voices),
        format=order.response_format,
        speed=order.speed,
        sample_rate_hertz=PCM_RATE if order.response_format == "pcm" else None,
        user_id=None if caller == ANONYMOUS else caller,
    )
    try:
        begun = await up_to_first_sound(items, request)
    except VoiceNotFoundError as error:
        raise _no_voice(order.voice, error) from None
    chunks = _chunks(begun, items)
    if order.stream_format == "sse":
        return StreamingResponse(_events(chunks, len(order.input)), media_type=CONTENT_TYPE)
    return StreamingResponse(chunks, media_type=FORMATS[order.response_format].content_type)


@router.get("/models", summary="Models", dependencies=[KNOWN_CALLER])
async def models() -> Models:
    """What `model` may say."""
    return Models(data=[Model(id=name) for name in MODELS])


@router.get("/models/{model}", summary="One model", dependencies=[KNOWN_CALLER])
async def one_model(model: str) -> Model:
    """Whether there is such a model."""
    if model not in MODELS:
        raise GatewayError(404, "MODEL_NOT_FOUND", "There is no such model.", remedy="See /v1/models.")
    return Model(id=model)


@router.get("/audio/voices", summary="Voices")
async def voices(here: Here) -> AudioVoices:
    """For the menus of tools, some of which show no token here: OpenAI's names, then our own."""
    ours = [Named(id=each.name, name=f"{each.name} ({each.language})") for each in await here.mayfly.voices()]
    mapped = [Named(id=name, name=name) for name in sorted({*NAMES, *here.settings.openai_voices})]
    return AudioVoices(voices=[*mapped, *ours])


@router.get("/audio/models", summary="Models that speak")
async def audio_models() -> AudioModels:
    """For the same menus."""
    return AudioModels(models=[Named(id=name, name=name) for name in MODELS])


async def _chunks(begun: list[SpeechItem], items: AsyncGenerator[SpeechItem]) -> AsyncIterator[bytes]:
    yield b"".join(item.data for item in begun if isinstance(item, AudioChunk))
    async with aclosing(items):
        async for item in items:
            if isinstance(item, AudioChunk):
                yield item.data


async def _events(chunks: AsyncIterator[bytes], characters: int) -> AsyncIterator[bytes]:
    async for chunk in chunks:
        yield event({"type": "speech.audio.delta", "audio": base64.b64encode(chunk).decode()})
    # Tokens are OpenAI's business. Characters are what is counted here.
    usage = {"input_tokens": characters, "output_tokens": 0, "total_tokens": characters}
    yield event({"type": "speech.audio.done", "usage": usage})


def _no_voice(name: str, error: VoiceNotFoundError) -> GatewayError:
    near = error.metadata.get("near")
    message = f"No voice is named {name!r}." + (f" Did you mean {near}?" if near else "")
    return GatewayError(400, "VOICE_UNKNOWN", message, remedy="See /v1/audio/voices.", violations=(("voice", message),))

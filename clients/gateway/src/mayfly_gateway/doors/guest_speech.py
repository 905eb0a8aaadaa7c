"""System A: guests speak without a login; the app of before finds the answer that it knows."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from mayfly_gateway.bearer import Caller
from mayfly_gateway.callers import ANONYMOUS
from mayfly_gateway.clocks import iso_or_none
from mayfly_gateway.doors.page_speech import too_long
from mayfly_gateway.gateway import Gateway, Here
from mayfly_gateway.passing import TEMPORARY

router = APIRouter()


class GuestOrder(BaseModel):
    """What to say."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"text": "Hello there."}]})

    text: Annotated[str, Field(min_length=1)]
    voice: Annotated[
        str | None,
        Field(max_length=200, description="For example `en_US-lessac-medium`. Default: the default one."),
    ] = None


class GuestSpeech(BaseModel):
    """What was said, and where it plays until it ends."""

    audio_id: str
    audio_url: str = Field(description="Signed, until `expires_at` or as long as the store lets it live.")
    duration: float = Field(description="Seconds.")
    expires_at: str | None = Field(description="ISO 8601, UTC.")
    text: str
    voice_id: str


@router.post("/public/tts/sync", tags=["public-tts"], summary="Speak, as a guest")
async def tts_sync_public(request: Request, here: Here, order: GuestOrder) -> GuestSpeech:
    """Generate, store and link in one call. The quota is the address's."""
    return await _speak(here, order, guest_address=here.guest_address(request))


@router.post("/tts/sync", tags=["public-tts"], summary="Speak, as an app")
async def tts_sync(request: Request, here: Here, caller: Caller, order: GuestOrder) -> GuestSpeech:
    """The same for an app that shows its token; the quota is the app's."""
    if caller == ANONYMOUS:
        return await _speak(here, order, guest_address=here.guest_address(request))
    return await _speak(here, order, user_id=caller)


async def _speak(
    here: Gateway, order: GuestOrder, *, guest_address: str | None = None, user_id: str | None = None
) -> GuestSpeech:
    if len(order.text) > here.settings.max_characters:
        raise too_long(len(order.text), here.settings.max_characters)
    speech = await here.mayfly.speak(
        order.text,
        voice=order.voice or None,
        format="wav",
        collection=TEMPORARY,
        guest_address=guest_address,
        user_id=user_id,
    )
    return GuestSpeech(
        # The key is temp-audio/{date}/{audio_id}.wav.
        audio_id=PurePosixPath(speech.audio.object_key).stem,
        audio_url=speech.url,
        duration=round(speech.duration.total_seconds(), 3),
        expires_at=iso_or_none(speech.expire_time),
        text=order.text,
        voice_id=speech.voice,
    )

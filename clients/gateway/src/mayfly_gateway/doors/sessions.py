"""System B: speech in sessions, a file for each sentence, with links that another service can fetch."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import RedirectResponse

from mayfly_client import AudioNotFoundError, Segment, Speech
from mayfly_gateway.bearer import KNOWN_CALLER, Caller
from mayfly_gateway.doors.page_speech import too_long
from mayfly_gateway.errors import GatewayError, audio_gone
from mayfly_gateway.gateway import Gateway, Here
from mayfly_gateway.session_shapes import (
    CleanupDone,
    CleanupOrder,
    S3Info,
    SegmentShape,
    SessionOrder,
    SessionSpeech,
    SimpleOrder,
)
from mayfly_gateway.session_voices import language_for, voice_for
from mayfly_gateway.sessions import COLLECTION, Wish

router = APIRouter(tags=["speech-sessions"])

_SWEEP_PATIENCE = timedelta(minutes=4)


@router.post("/api/v1/tts/generate", summary="Speak in a session")
async def generate(request: Request, here: Here, caller: Caller, order: SessionOrder) -> SessionSpeech:
    """Each sentence becomes a file under the user's session, with a link of its own."""
    if len(order.text) > here.settings.max_characters:
        raise too_long(len(order.text), here.settings.max_characters)
    wish = Wish(
        text=order.text,
        user=caller,
        address=here.guest_address(request),
        voice=voice_for(order.voice, here.settings.session_voices),
        language=language_for(order.language_code),
        url_life=None if order.presigned_url_expiry is None else timedelta(seconds=order.presigned_url_expiry),
    )
    session_id, speech = await here.sessions.speak(wish)
    return _answer(here, order, session_id, speech)


@router.post("/api/v1/tts/generate-simple", summary="Speak in a session, all as usual")
async def generate_simple(request: Request, here: Here, caller: Caller, order: SimpleOrder) -> SessionSpeech:
    """The same with the defaults."""
    return await generate(request, here, caller, SessionOrder(text=order.text))


@router.get("/api/v1/tts/s3-info", summary="Where audio is kept", dependencies=[KNOWN_CALLER])
async def s3_info(here: Here) -> S3Info:
    """Whether it is S3, and which bucket."""
    info = await here.mayfly.storage_info()
    life = next((each.url_lifetime for each in info.collections if each.id == COLLECTION), timedelta(0))
    return S3Info(
        s3_enabled=info.backend == "aws" and not info.fallback_active,
        bucket_name=info.bucket,
        region=info.region,
        presigned_url_expiry=int(life.total_seconds()),
        fallback_active=info.fallback_active,
    )


@router.post("/api/v1/tts/cleanup", summary="Remove what has ended", dependencies=[KNOWN_CALLER])
async def cleanup(here: Here, order: CleanupOrder) -> CleanupDone:
    """Sweep the sessions now. What has not ended stays, whatever `days_old` says; it ends by itself in time."""
    info = await here.mayfly.storage_info()
    life = next((each.lifetime for each in info.collections if each.id == COLLECTION), None) or timedelta(0)
    sweep = await here.mayfly.start_sweep(
        collection=COLLECTION,
        older_than=max(timedelta(0), timedelta(days=order.days_old) - life) or None,
        store=None if order.cleanup_s3 else "local",
    )
    async for each in here.mayfly.watch_sweep(sweep.name, timeout=_SWEEP_PATIENCE.total_seconds()):
        sweep = each
    report = sweep.report
    return CleanupDone(
        message=f"Removed {report.deleted:,} files that had ended." if not sweep.failure else sweep.failure,
        local_files_cleaned=report.deleted_local,
        s3_files_cleaned=report.deleted_s3,
    )


@router.get(
    "/static/audio/{session_id}/{filename}",
    summary="Play a segment",
    status_code=302,
    response_class=RedirectResponse,
)
async def static_audio(
    here: Here,
    session_id: Annotated[str, Path(max_length=200)],
    filename: Annotated[str, Path(max_length=200)],
    key: Annotated[str, Query(max_length=1_024, description="What `local_url` came with.")] = "",
) -> RedirectResponse:
    """What used to be a file of this server: it leads to a fresh link until the audio ends."""
    try:
        audio = await here.mayfly.get(here.audio_of(key))
        if (audio.key_fields.get("session_id"), audio.file_name) != (session_id, filename):
            raise GatewayError(
                404, "LINK_UNKNOWN", "There is no such link.", remedy="Look whether it was copied whole."
            )
        link = await here.mayfly.url(audio.name, ttl=here.settings.link_life)
    except AudioNotFoundError:
        raise audio_gone() from None
    return RedirectResponse(link.url, status_code=302, headers={"Cache-Control": "no-store"})


def _answer(here: Gateway, order: SessionOrder, session_id: str, speech: Speech) -> SessionSpeech:
    segments = [_segment(here, each, session_id, is_linked=order.use_s3 is not False) for each in speech.segments]
    urls = [each.presigned_url or each.local_url for each in segments]
    ends = [each.expires_at for each in segments if each.expires_at is not None]
    is_local = any(each.audio is None or each.audio.local for each in speech.segments)
    return SessionSpeech(
        message=f"Generated {len(segments)} audio segment{'' if len(segments) == 1 else 's'}.",
        audio_files=urls,
        audio_segments=segments,
        total_segments=len(segments),
        language_code=order.language_code,
        voice=order.voice,
        processing_time=round(speech.processing_time.total_seconds(), 3),
        storage_type="local" if is_local else "s3",
        session_id=session_id,
        expires_at=min(ends, default=None),
        first_audio_url=urls[0] if urls else "",
    )


def _segment(here: Gateway, segment: Segment, session_id: str, *, is_linked: bool) -> SegmentShape:
    stored = segment.audio
    assert stored is not None  # noqa: S101 - a file for each was asked for
    return SegmentShape(
        index=segment.index,
        graphemes=segment.graphemes,
        phonemes=segment.phonemes,
        filename=stored.file_name,
        local_url=f"/static/audio/{session_id}/{stored.file_name}?key={here.links.token_of(stored.name)}",
        presigned_url=stored.url if is_linked else None,
        s3_key=None if stored.local else stored.object_key,
        expires_at=_epoch(stored.url_expire_time) if is_linked else None,
    )


def _epoch(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp())

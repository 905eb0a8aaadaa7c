"""Systems D and E: audio in, trimmed and transcoded audio out, at its final place; and text, where that is set up."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, File, Form, UploadFile

from mayfly_client import MayflyError, ProcessedAudio, SignedUrl
from mayfly_gateway.bearer import Caller, KnownCallersRoute
from mayfly_gateway.callers import ANONYMOUS
from mayfly_gateway.clocks import iso_or_none
from mayfly_gateway.errors import GatewayError
from mayfly_gateway.formats import FormatName
from mayfly_gateway.gateway import Gateway, Here
from mayfly_gateway.passing import TEMPORARY
from mayfly_gateway.process_errors import as_process_error
from mayfly_gateway.processing_shapes import Processed
from mayfly_gateway.recording_shapes import Identifier
from mayfly_gateway.spooling import spooled
from mayfly_gateway.stable_links import path_of

router = APIRouter(tags=["processing"], route_class=KnownCallersRoute)


async def manner(  # noqa: PLR0913 - a form has as many fields
    *,
    preset: Annotated[
        Literal["speech-to-text", "transcoded"] | None,
        Form(description="`speech-to-text`: MP3, 16 kHz, mono, silence trimmed. What else is given takes precedence."),
    ] = None,
    format: Annotated[FormatName | None, Form()] = None,  # noqa: A002 - the form's word
    trim_silence: Annotated[bool | None, Form(description="At both ends.")] = None,
    start: Annotated[float | None, Form(ge=0, le=86_400, description="Keep from here. Seconds.")] = None,
    end: Annotated[float | None, Form(gt=0, le=86_400, description="Keep to here. Seconds.")] = None,
    sample_rate: Annotated[int | None, Form(ge=8_000, le=48_000)] = None,
    mono: Annotated[bool | None, Form()] = None,
    loudness_lufs: Annotated[float | None, Form(ge=-70, le=-5)] = None,
    bit_rate: Annotated[int | None, Form(ge=16_000, le=320_000)] = None,
    transcribe: Annotated[bool, Form()] = False,
) -> dict[str, Any]:
    """What is to be done, in the client's words."""
    return {
        "preset": preset,
        "format": format,
        "trim_silence": trim_silence,
        "start": start,
        "end": end,
        "sample_rate_hertz": sample_rate,
        "mono": mono,
        "loudness_lufs": loudness_lufs,
        "bit_rate_bps": bit_rate,
        "transcribe": transcribe,
    }


async def place(
    pitch_id: Annotated[Identifier | None, Form(description="E: the final key is the pitch's.")] = None,
    project_id: Annotated[Identifier | None, Form(description="E: temporary results of a project.")] = None,
    filename: Annotated[str, Form(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$")] = "transcoded_file.mp3",
) -> dict[str, Any]:
    """Collection and key: a pitch's own, a project's for an hour, or for a day without either."""
    if project_id is not None and pitch_id is None:
        raise GatewayError(
            422,
            "INVALID_REQUEST",
            "Temporary results of a project have a pitch_id, too.",
            remedy="Send both, or neither.",
            violations=(("pitch_id", "is required with project_id"),),
        )
    if pitch_id is None:
        return {"collection": TEMPORARY}
    if project_id is None:
        return {"collection": "pitches", "key_fields": {"pitch_id": pitch_id, "filename": filename}}
    fields = {"project_id": project_id, "pitch_id": pitch_id, "filename": filename}
    return {"collection": "processing", "key_fields": fields}


@router.post("/process", summary="Trim, cut, level and transcode")
async def process(
    here: Here,
    caller: Caller,
    file: Annotated[UploadFile, File(description="WAV, MP3, M4A, CAF, FLAC, OGG, AIFF or WebM.")],
    options: Annotated[dict[str, Any], Depends(manner)],
    destination: Annotated[dict[str, Any], Depends(place)],
) -> Processed:
    """The result lies at its final key when this returns (`direct_upload`): one copy, and no second upload."""
    user = None if caller == ANONYMOUS else caller
    async with spooled(file) as path:
        try:
            done = await here.mayfly.process_audio(path, user_id=user, **options, **destination)
        except MayflyError as error:
            raise await as_process_error(here.mayfly, error) from error
    return await _answer(here, done)


async def _answer(here: Gateway, done: ProcessedAudio) -> Processed:
    copies = await here.mayfly.sign(done.debug_names) if done.debug_names else []
    return Processed(
        audio_url=done.url,
        url_expires_at=iso_or_none(done.audio.url_expire_time),
        expires_at=iso_or_none(done.expire_time),
        link=path_of(here.links.token_of(done.name)),
        direct_upload=done.direct_upload,
        s3_key=done.object_key,
        content_type=done.audio.content_type,
        duration=round(done.duration.total_seconds(), 3),
        input_size=done.source_size_bytes,
        output_size=done.audio.size_bytes,
        source_container=done.source_container,
        processing_time=round(done.processing_time.total_seconds(), 3),
        loudness_lufs=done.loudness_lufs,
        text=done.transcript or None,
        debug_urls=[each.url for each in copies if isinstance(each, SignedUrl)],
    )

"""System C's coach: an example of a caller that measures audio and stores it, both or neither."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final

from fastapi import APIRouter, File, Form, UploadFile

from mayfly_client import ProcessedAudio
from mayfly_gateway import recording_store
from mayfly_gateway.bearer import KNOWN_CALLER, KnownCallersRoute
from mayfly_gateway.delivery import Delivery, measure
from mayfly_gateway.doors.recordings import UserForm, shape_of
from mayfly_gateway.formats import content_type_of
from mayfly_gateway.gateway import Gateway, Here
from mayfly_gateway.passing import COPY_LIFE, TEMPORARY, let_go
from mayfly_gateway.recording_shapes import Analysis, Analyzed, Identifier
from mayfly_gateway.recording_store import Recorder
from mayfly_gateway.spooling import spooled

router = APIRouter(prefix="/speech", tags=["recordings"], dependencies=[KNOWN_CALLER], route_class=KnownCallersRoute)

_RATE: Final = 16_000
_LONGEST: Final = timedelta(minutes=10)
"""What is measured of a long recording."""
_TARGET_LUFS: Final = -23.0
"""Synth says how loud a source is where it is asked to level it: EBU R 128's."""


@router.post("/analyze", status_code=201, summary="Measure and keep a recording")
async def analyze(
    here: Here,
    user_id: UserForm,
    file: Annotated[UploadFile, File(description="Speech.")],
    recording_id: Annotated[Identifier | None, Form()] = None,
    *,
    transcribe: Annotated[bool, Form(description="Also say what is said, where synth has a transcriber.")] = False,
) -> Analyzed:
    """Duration, loudness, silence and pace. Nothing is kept of what cannot be measured."""
    who = Recorder.of(user_id, recording_id)
    async with spooled(file) as path:
        heard, delivery = await _measured(here, path, transcribe=transcribe)
        duration = heard.source_duration or timedelta(seconds=delivery.duration)
        audio = await recording_store.store_file(
            here.mayfly, who, path, content_type=content_type_of(file.content_type, file.filename), duration=duration
        )
    return Analyzed(recording=await shape_of(here, who, audio), analysis=_analysis(heard, delivery, duration=duration))


async def _measured(here: Gateway, path: Path, *, transcribe: bool) -> tuple[ProcessedAudio, Delivery]:
    copy = await here.mayfly.process_audio(
        path,
        format="wav",
        mono=True,
        sample_rate_hertz=_RATE,
        end=_LONGEST,
        loudness_lufs=_TARGET_LUFS,
        transcribe=transcribe,
        collection=TEMPORARY,
        ttl=COPY_LIFE,
    )
    try:
        wav = await here.mayfly.download_stream(copy.name)
    finally:
        await let_go(here.mayfly, copy.name)
    return copy, await asyncio.to_thread(measure, wav)


def _analysis(heard: ProcessedAudio, delivery: Delivery, *, duration: timedelta) -> Analysis:
    words = len(heard.transcript.split())
    return Analysis(
        duration=round(duration.total_seconds(), 3),
        loudness_lufs=None if heard.loudness_lufs is None else round(heard.loudness_lufs, 1),
        silence_seconds=round(delivery.silence, 2),
        silence_ratio=round(delivery.silence_ratio, 3),
        pauses=delivery.pauses,
        longest_pause_seconds=round(delivery.longest_pause, 2),
        syllables_per_second=round(delivery.syllables_per_second, 2),
        words_per_minute=round(words / (delivery.duration / 60)) if words and delivery.duration else None,
        transcript=heard.transcript or None,
    )

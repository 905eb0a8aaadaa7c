"""System C: users' recordings, kept until they are deleted, with a link to play them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, File, Form, Path, Query, UploadFile

from mayfly_client import Audio, AudioNotFoundError
from mayfly_gateway import recording_store
from mayfly_gateway.bearer import KNOWN_CALLER, KnownCallersRoute
from mayfly_gateway.clocks import iso
from mayfly_gateway.doors.page_recordings import grant_shape
from mayfly_gateway.gateway import Gateway, Here
from mayfly_gateway.page_shapes import Commit, Grant
from mayfly_gateway.recording_shapes import (
    Available,
    Deleted,
    Identifier,
    Recording,
    RecordingUpload,
    Unavailable,
)
from mayfly_gateway.recording_store import Recorder
from mayfly_gateway.stable_links import path_of

router = APIRouter(prefix="/speech", tags=["recordings"], dependencies=[KNOWN_CALLER], route_class=KnownCallersRoute)

RecordingId = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]
UserForm = Annotated[Identifier, Form(description="Whose it is, in the app.")]


async def asked_for(
    recording_id: RecordingId, user_id: Annotated[Identifier, Query(description="Whose it is, in the app.")]
) -> Recorder:
    """The recording that a request is about."""
    return Recorder.of(user_id, recording_id)


@router.post("/recordings", status_code=201, summary="Upload a recording through the gateway")
async def upload(
    here: Here,
    user_id: UserForm,
    file: Annotated[UploadFile, File(description="Audio.")],
    recording_id: Annotated[Identifier | None, Form()] = None,
) -> Recording:
    """Keep a file under the user's name. With the id of the app's own record, both find each other."""
    who = Recorder.of(user_id, recording_id)
    return await shape_of(here, who, await recording_store.store(here.mayfly, who, file))


@router.post("/recordings/grants", status_code=201, summary="Ask for the right to upload straight to the store")
async def grant(here: Here, order: RecordingUpload) -> Grant:
    """The bytes never pass through here, and the uploader sees how far it is."""
    upload = await recording_store.grant(here.mayfly, Recorder.of(order.user_id, order.recording_id), order)
    return grant_shape(upload, here.links.token_of(upload.audio.name))


@router.post("/recordings/grants/{token}/commit", summary="Say that the bytes are there")
async def commit(here: Here, token: str, order: Commit) -> Recording:
    """Last step: the bytes are checked, and can be played."""
    audio = await here.mayfly.commit_upload(here.audio_of(token), order.attempt, part_etags=order.part_etags)
    who = Recorder(user_id=audio.user_id, recording_id=audio.key_fields.get("recording_id", ""))
    return await shape_of(here, who, audio)


@router.get("/recordings/{recording_id}", summary="Play a recording")
async def play(here: Here, who: Annotated[Recorder, Depends(asked_for)]) -> Available | Unavailable:
    """A link to play it; or that there is no audio, which is no error."""
    audio = await recording_store.find(here.mayfly, who)
    if audio is None:
        return Unavailable(recording_id=who.recording_id)
    try:
        told = await shape_of(here, who, audio)
    except AudioNotFoundError:  # it was deleted between the two questions
        return Unavailable(recording_id=who.recording_id)
    return Available(**told.model_dump())


@router.delete("/recordings/{recording_id}", summary="Delete a recording")
@router.post("/recordings/{recording_id}/delete", summary="Delete a recording")
async def delete(here: Here, who: Annotated[Recorder, Depends(asked_for)]) -> Deleted:
    """Nobody can play it when this returns. Where the store fails to delete bytes, sweeps try until they are gone."""
    audio = await recording_store.find(here.mayfly, who)
    if audio is not None:
        await recording_store.delete(here.mayfly, audio)
    return Deleted(recording_id=who.recording_id, deleted=audio is not None)


async def shape_of(here: Gateway, who: Recorder, audio: Audio) -> Recording:
    """What apps are told of a recording."""
    link = await here.mayfly.url(audio.name)
    return Recording(
        recording_id=who.recording_id,
        user_id=who.user_id,
        file_path=audio.object_key,
        size_bytes=audio.size_bytes,
        duration=None if audio.duration is None else round(audio.duration.total_seconds(), 3),
        audio_url=link.url,
        url_expires_at=iso(link.expire_time),
        link=path_of(here.links.token_of(audio.name)),
    )

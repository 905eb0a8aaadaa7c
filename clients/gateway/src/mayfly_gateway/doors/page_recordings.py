"""A guest's recordings: through the gateway, or straight to the store with a grant."""

from __future__ import annotations

import uuid
from typing import Annotated

from fastapi import APIRouter, File, Request, UploadFile

from mayfly_client import Upload
from mayfly_gateway import recording_store
from mayfly_gateway.clocks import iso
from mayfly_gateway.doors.page_audios import Token, shape_of
from mayfly_gateway.errors import GatewayError
from mayfly_gateway.gateway import Gateway, Here, WelcomedGuest
from mayfly_gateway.page_shapes import Commit, Grant, PartShape, Stored, UploadOrder
from mayfly_gateway.recording_store import Recorder

router = APIRouter(prefix="/api/page/recordings", tags=["page"])


@router.post("", status_code=201, summary="Upload a recording through the gateway")
async def upload(
    request: Request, here: Here, guest: WelcomedGuest, file: Annotated[UploadFile, File(description="Audio.")]
) -> Stored:
    """Keep a file of this guest, for as long as guests' recordings live."""
    await _count(here, request, file.size or 0)
    audio = await recording_store.store(here.mayfly, _recorder(here, guest), file)
    return Stored(audio=shape_of(here, audio))


@router.post("/grants", status_code=201, summary="Ask for the right to upload straight to the store")
async def grant(request: Request, here: Here, guest: WelcomedGuest, order: UploadOrder) -> Grant:
    """First step: announce the bytes. Then PUT them where the answer says, and commit."""
    await _count(here, request, order.size_bytes)
    upload = await recording_store.grant(here.mayfly, _recorder(here, guest), order)
    return grant_shape(upload, here.links.token_of(upload.audio.name))


@router.post("/{token}/commit", summary="Say that the bytes are there")
async def commit(here: Here, token: Token, order: Commit) -> Stored:
    """Last step: the bytes are checked, and can be heard. The attempt is a secret of whoever got the grant."""
    audio = await here.mayfly.commit_upload(here.audio_of(token), order.attempt, part_etags=order.part_etags)
    return Stored(audio=shape_of(here, audio))


def grant_shape(upload: Upload, token: str) -> Grant:
    """What the uploader is told."""
    grant = upload.grant
    if grant is None:
        raise GatewayError(409, "UPLOAD_DONE", "This was uploaded already.", remedy="Use its link.")
    return Grant(
        token=token,
        attempt=grant.attempt,
        method=grant.method,
        url=grant.url,
        headers=dict(grant.headers),
        parts=[PartShape.model_validate(part, from_attributes=True) for part in grant.parts],
        expire_time=iso(grant.expire_time),
    )


def _recorder(here: Gateway, guest: str) -> Recorder:
    return Recorder(user_id=guest, recording_id=str(uuid.uuid4()), life=here.settings.guest_recording_life)


async def _count(here: Gateway, request: Request, size_bytes: int) -> None:
    """Count for the address: the cookie costs nothing."""
    await here.mayfly.reserve_quota(
        recording_store.COLLECTION, size_bytes=size_bytes, guest_address=here.guest_address(request)
    )

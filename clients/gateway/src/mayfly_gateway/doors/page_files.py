"""Downloads of a guest's audio, in each format."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import RedirectResponse

from mayfly_client import Audio, MayflyError
from mayfly_gateway.doors.page_audios import MADE_FROM, Token, copies_of, own_audio
from mayfly_gateway.errors import audio_gone
from mayfly_gateway.formats import FormatName, name_of
from mayfly_gateway.gateway import Gateway, Guest, Here
from mayfly_gateway.passing import TEMPORARY

router = APIRouter(prefix="/api/page", tags=["page"])


@router.get(
    "/audios/{token}/file",
    summary="Download in any format",
    status_code=302,
    response_class=RedirectResponse,
    responses={302: {"description": "To a signed link that browsers save."}},
)
async def file(
    request: Request,
    here: Here,
    guest: Guest,
    token: Token,
    kind: Annotated[FormatName | None, Query(alias="format", description="Default: as it is stored.")] = None,
) -> RedirectResponse:
    """The stored file, or a copy in another format, which ends with it."""
    audio = await own_audio(here, guest, token)
    if kind is not None and kind != name_of(audio.content_type):
        name = await _copy(here, audio, kind, here.guest_address(request))
    else:
        name = audio.name
    link = await here.mayfly.url(name, ttl=here.settings.link_life, attachment=True)
    return RedirectResponse(link.url, status_code=302, headers={"Cache-Control": "no-store"})


async def _copy(here: Gateway, audio: Audio, kind: str, address: str) -> str:
    """The name of the copy in this format; it is made if there is none yet."""
    for copy in await copies_of(here, audio):
        if name_of(copy.content_type) == kind:
            return copy.name
    await here.mayfly.reserve_quota(TEMPORARY, guest_address=address)
    try:
        made = await here.mayfly.process_audio(
            audio.name,
            format=kind,
            collection=TEMPORARY,
            user_id=audio.user_id,
            labels={MADE_FROM: audio.name},
            expire_time=audio.expire_time,
        )
    except MayflyError:
        if audio.expire_time is not None and audio.expire_time <= here.now():
            raise audio_gone() from None  # it ended while the copy was made
        raise
    return made.name

"""Stable links: the same address from the first minute to the last, and 410 afterwards."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from starlette.responses import RedirectResponse

from mayfly_client import AudioNotFoundError, MayflyError
from mayfly_gateway.errors import GatewayError, audio_gone
from mayfly_gateway.gateway import Gateway, Here
from mayfly_gateway.playback import Playback

router = APIRouter(tags=["links"])


@router.get(
    "/a/{token}",
    summary="Play",
    status_code=302,
    response_class=RedirectResponse,
    responses={302: {"description": "To a fresh signed link."}, 404: {}, 410: {"description": "It has ended."}},
)
async def play(
    here: Here,
    token: Annotated[str, Path(min_length=1, max_length=1_024)],
    *,
    download: Annotated[bool, Query(description="Save it instead of playing it.")] = False,
) -> Response:
    """Redirect to a signed link that lives for some minutes. Ranges, HEAD and ETags are answered where it leads."""
    url = await _signed(here, token, attachment=download)
    here.playback.count(Playback.LINKED)
    # Kept by nobody: the next player gets a link of its own, and after the end none.
    return RedirectResponse(url, status_code=302, headers={"Cache-Control": "no-store"})


async def _signed(here: Gateway, token: str, *, attachment: bool) -> str:
    try:
        name = here.audio_of(token)
    except GatewayError:
        here.playback.count(Playback.UNKNOWN)
        raise
    try:
        return (await here.mayfly.url(name, ttl=here.settings.link_life, attachment=attachment)).url
    except AudioNotFoundError:
        here.playback.count(Playback.GONE)
        raise audio_gone() from None
    except MayflyError:
        here.playback.count(Playback.FAILED)
        raise

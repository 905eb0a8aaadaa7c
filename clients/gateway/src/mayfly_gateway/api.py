"""All doors as one application, with what they have at hand; `app.py` puts it behind what guards it."""

from __future__ import annotations

import logging
import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from fastapi import FastAPI

from mayfly_gateway.doors import (
    analysis,
    documentation,
    guest_speech,
    health,
    links,
    openai,
    operators,
    page_audios,
    page_files,
    page_recordings,
    page_speech,
    pages,
    processing,
    recordings,
    sessions,
    transcriptions,
)
from mayfly_gateway.due import DueNow
from mayfly_gateway.error_shapes import OPENAI_REFUSALS, REFUSALS
from mayfly_gateway.gateway import Gateway
from mayfly_gateway.playback import PlaybackCounter
from mayfly_gateway.refusals import add_refusals
from mayfly_gateway.remembered import RememberedSpeech
from mayfly_gateway.sessions import SessionSpeaker
from mayfly_gateway.stable_links import StableLinks
from mayfly_runtime.telemetry import Telemetry

if TYPE_CHECKING:
    from collections.abc import Callable

    from mayfly_client import AsyncClient
    from mayfly_gateway.config import GatewaySettings

_log = logging.getLogger("mayfly.gateway")

DOORS = (
    guest_speech,
    sessions,
    recordings,
    analysis,
    processing,
    openai,
    transcriptions,
    page_speech,
    page_audios,
    page_files,
    page_recordings,
    operators,
    links,
    health,
    documentation,
    pages,
)
_DESCRIPTION = "Text in, speech out, and a link that ends on time."


def create_api(
    settings: GatewaySettings,
    mayfly: AsyncClient,
    *,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    telemetry: Telemetry | None = None,
) -> FastAPI:
    """The doors alone, without what stands before them; see `create_app`."""
    api = FastAPI(title="Mayfly", description=_DESCRIPTION, docs_url=None, redoc_url=None, redirect_slashes=False)
    api.state.gateway = Gateway(
        settings=settings,
        mayfly=mayfly,
        links=StableLinks(settings.secrets() or [_made_up_secret()]),
        callers=settings.api_callers(),
        remembered=RememberedSpeech(most=settings.remembered_speech, now=now),
        playback=PlaybackCounter((telemetry or Telemetry.disabled()).meter),
        due=DueNow(mayfly, now),
        sessions=SessionSpeaker(mayfly, now),
        now=now,
    )
    add_refusals(api)
    for door in DOORS:
        is_openais = door in (openai, transcriptions)
        api.include_router(door.router, responses=OPENAI_REFUSALS if is_openais else REFUSALS)
    return api


def _made_up_secret() -> str:
    _log.warning("secret.made_up", extra={"remedy": "set MAYFLY_GATEWAY_SECRET, or links end with this process"})
    return secrets.token_hex(32)

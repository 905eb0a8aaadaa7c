"""Composition root: what the gateway is made of, opened in order and closed in reverse."""

from __future__ import annotations

import logging
import secrets
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from mayfly_client import AsyncClient
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
from mayfly_gateway.security.admission import Admission
from mayfly_gateway.security.bodies import BoundedBodies
from mayfly_gateway.security.dates import Dated
from mayfly_gateway.security.headers import SecurityHeaders
from mayfly_gateway.security.traffic import Traffic
from mayfly_gateway.server import HttpServer
from mayfly_gateway.sessions import SessionSpeaker
from mayfly_gateway.stable_links import StableLinks
from mayfly_runtime.signals import serve_until_signal
from mayfly_runtime.telemetry import Telemetry

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp

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
UPLOADS = frozenset(
    {"/api/page/recordings", "/v1/audio/transcriptions", "/speech/recordings", "/speech/analyze", "/process"}
)
"""Paths whose bodies carry audio."""
FORM_BYTES = 64 * 1024
"""What a form adds to the file that it carries."""

_DESCRIPTION = "Text in, speech out, and a link that ends on time."


async def run(settings: GatewaySettings) -> None:
    """Serve until SIGTERM or SIGINT, then drain."""
    async with AsyncExitStack() as stack:
        telemetry = Telemetry.start(settings, "mayfly-gateway")
        stack.callback(telemetry.shutdown)
        mayfly = await stack.enter_async_context(open_client(settings, telemetry))
        server = HttpServer(create_app(settings, mayfly, telemetry=telemetry), settings)
        await stack.enter_async_context(server)
        await serve_until_signal(server)


def open_client(settings: GatewaySettings, telemetry: Telemetry) -> AsyncClient:
    """The client through which everything is reached."""
    return AsyncClient(
        storage=settings.storage_target,
        synth=settings.synth_target,
        sweeper=settings.sweeper_target,
        token=settings.token.get_secret_value() if settings.token else None,
        tls=settings.tls_to_services(),
        timeout=settings.timeout.total_seconds(),
        interceptors=telemetry.client_interceptors(),
    )


def create_app(
    settings: GatewaySettings,
    mayfly: AsyncClient,
    *,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    telemetry: Telemetry | None = None,
) -> ASGIApp:
    """The application over a client, which the caller opens and closes.

    Args:
        settings: What can be set.
        mayfly: A client of storage, synth and sweeper; of `mayfly_client.testing.FakeMayfly` in tests.
        now: The clock.
        telemetry: Where spans and metrics go. Default: nowhere.
    """
    telemetry = telemetry or Telemetry.disabled()
    return Dated(guarded(create_api(settings, mayfly, now=now, telemetry=telemetry), settings, telemetry), now)


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


def guarded(app: ASGIApp, settings: GatewaySettings, telemetry: Telemetry) -> ASGIApp:
    """The application behind everything that stands before every door; the last one meets a request first."""

    def limit_of(path: str) -> int:
        return settings.max_upload_bytes + FORM_BYTES if path in UPLOADS else settings.max_text_bytes

    app = BoundedBodies(app, limit_of=limit_of, patience=settings.body_timeout)
    app = Admission(app, most=settings.max_requests, longest=settings.request_timeout)
    if settings.cors_origins:
        app = CORSMiddleware(
            app,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "HEAD", "POST", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "Range"],
            expose_headers=["Retry-After"],
        )
    app = SecurityHeaders(app, link_origins=settings.link_origins, is_https=settings.is_https)
    return Traffic(app, telemetry, trusts_callers=settings.trusted_proxies > 0)

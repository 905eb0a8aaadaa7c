"""What stands before every door, in order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from starlette.middleware.cors import CORSMiddleware

from mayfly_gateway.security.admission import Admission
from mayfly_gateway.security.bodies import BoundedBodies
from mayfly_gateway.security.dates import Dated
from mayfly_gateway.security.headers import SecurityHeaders
from mayfly_gateway.security.heads import HeadAsGet
from mayfly_gateway.security.other_sites import OtherSites
from mayfly_gateway.security.traffic import Traffic

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from starlette.types import ASGIApp

    from mayfly_gateway.config import GatewaySettings
    from mayfly_runtime.telemetry import Telemetry

UPLOADS: Final = frozenset(
    {"/api/page/recordings", "/v1/audio/transcriptions", "/speech/recordings", "/speech/analyze", "/process"}
)
"""Paths whose bodies carry audio."""
FORM_BYTES: Final = 64 * 1024
"""What a form adds to the file that it carries."""


def guarded(app: ASGIApp, settings: GatewaySettings, telemetry: Telemetry, now: Callable[[], datetime]) -> ASGIApp:
    """The application behind everything that stands before every door; the last one meets a request first."""

    def limit_of(path: str) -> int:
        return settings.max_upload_bytes + FORM_BYTES if path in UPLOADS else settings.max_text_bytes

    app = BoundedBodies(HeadAsGet(app), limit_of=limit_of, patience=settings.body_timeout)
    app = Admission(app, most=settings.max_requests, longest=settings.request_timeout)
    app = OtherSites(app, welcome=settings.cors_origins)
    if settings.cors_origins:
        app = CORSMiddleware(
            app,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "HEAD", "POST", "DELETE"],
            # Whatever tools send along, such as the dozen that OpenAI's SDK has: without credentials it opens nothing.
            allow_headers=["*"],
            expose_headers=["Retry-After"],
        )
    app = SecurityHeaders(app, link_origins=settings.link_origins, is_https=settings.is_https)
    app = Traffic(app, telemetry, trusts_callers=settings.trusted_proxies > 0)
    return Dated(app, now)

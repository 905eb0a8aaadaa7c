"""Headers of every answer: nothing is sniffed, framed or referred, and pages run what the gateway itself serves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.datastructures import MutableHeaders

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send


def content_security_policy(link_origins: Iterable[str]) -> str:
    """The policy: scripts, styles and calls of this origin alone; audio from where signed links lead, too."""
    links = " ".join(link_origins)
    return "; ".join(
        [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' data: blob:",
            "font-src 'self'",
            f"connect-src 'self' {links}".rstrip(),
            f"media-src 'self' blob: {links}".rstrip(),
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        ]
    )


class SecurityHeaders:
    """Adds the headers; an answer that already has one of them keeps its own."""

    def __init__(self, app: ASGIApp, *, link_origins: Iterable[str], is_https: bool) -> None:
        """Take the application, where audio comes from, and whether people come over TLS."""
        self._app = app
        self._headers = {
            "Content-Security-Policy": content_security_policy(link_origins),
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Permissions-Policy": "camera=(), geolocation=(), payment=(), microphone=(self)",
            "Cache-Control": "no-store",
        }
        if is_https:
            self._headers["Strict-Transport-Security"] = "max-age=31536000"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the request."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, with_headers if scope["type"] == "http" else send)

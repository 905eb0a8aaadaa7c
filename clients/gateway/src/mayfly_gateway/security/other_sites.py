"""What pages of other sites may have a guest's browser do here: nothing that leaves a trace, unless they are named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from starlette.datastructures import Headers

from mayfly_gateway.errors import Problem
from mayfly_gateway.refusals import refusal

if TYPE_CHECKING:
    from collections.abc import Collection

    from starlette.types import ASGIApp, Receive, Scope, Send

_HARMLESS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_OTHERS: Final = frozenset({"cross-site", "same-site"})
_REFUSED: Final = Problem(
    status=403,
    reason="OTHER_SITE",
    message="A page of another site may not do this.",
    remedy="Use the page of this gateway, or name the other in MAYFLY_GATEWAY_CORS_ORIGINS.",
)


class OtherSites:
    """Refuses what a page of another site sends, by what the browser itself says of it.

    A form needs nobody's leave to be sent here. The guest's cookie would stay away, so that the guest would be taken
    for a new one: the answer's cookie would replace the old one, and with it all right to what it had made; and the
    upload would be counted for the guest's address. Who is no browser says nothing, and is let in.
    """

    def __init__(self, app: ASGIApp, *, welcome: Collection[str]) -> None:
        """Take the application, and the origins that may call it all the same; `*` is every one."""
        self._app = app
        self._welcome = frozenset(welcome)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the request, if it is no other site's."""
        is_refused = scope["type"] == "http" and scope["method"] not in _HARMLESS and self._is_foreign(scope)
        await (refusal(scope["path"], _REFUSED) if is_refused else self._app)(scope, receive, send)

    def _is_foreign(self, scope: Scope) -> bool:
        headers = Headers(scope=scope)
        is_welcome = not self._welcome.isdisjoint({"*", headers.get("origin", "")})
        return headers.get("sec-fetch-site") in _OTHERS and not is_welcome

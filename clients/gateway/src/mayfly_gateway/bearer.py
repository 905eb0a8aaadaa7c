"""Bearer tokens of requests, and the callers of the doors for apps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, Request, Response
from fastapi.routing import APIRoute
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from mayfly_gateway.errors import GatewayError
from mayfly_gateway.gateway import Here, gateway_of

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

_scheme = HTTPBearer(auto_error=False, description="A token of MAYFLY_GATEWAY_CALLERS.")


async def bearer_of(credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_scheme)]) -> str | None:
    """The token that a request shows."""
    return credentials.credentials if credentials else None


Bearer = Annotated[str | None, Depends(bearer_of)]
"""Parameter of a door that asks for a token."""


async def caller_of(here: Here, token: Bearer) -> str:
    """Name of the app that calls.

    Raises:
        GatewayError: It is a stranger.
    """
    name = here.callers.name_of(token)
    if name is None:
        raise GatewayError(
            401,
            "CALLER_UNAUTHENTICATED",
            "The bearer token is missing, or nobody's.",
            remedy="Send `Authorization: Bearer ...` with a token of MAYFLY_GATEWAY_CALLERS.",
        )
    return name


Caller = Annotated[str, Depends(caller_of)]
"""Parameter of a door for apps."""
KNOWN_CALLER = Depends(caller_of)
"""Dependency of a door for apps that need not know which one it is."""


class KnownCallersRoute(APIRoute):
    """Door for apps that send files: a stranger is refused before anything of the body is taken.

    FastAPI reads the body before it asks any dependency, and each of a stranger's uploads would lie in a temporary file
    by then.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The door, behind the question who it is."""
        handle = super().get_route_handler()

        async def once_known(request: Request) -> Response:
            await caller_of(await gateway_of(request), await bearer_of(await _scheme(request)))
            return await handle(request)

        return once_known

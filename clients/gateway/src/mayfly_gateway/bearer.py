"""Bearer tokens of requests, and the callers of the doors for apps."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from mayfly_gateway.errors import GatewayError
from mayfly_gateway.gateway import Here  # noqa: TC001 - FastAPI reads the annotations

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

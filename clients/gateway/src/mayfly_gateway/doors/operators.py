"""What operators see: what is stored, what is due, the last sweeps and their certificates."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import AsyncIterator
from typing import TypeVar

from fastapi import APIRouter, Depends

from mayfly_client import UnavailableError
from mayfly_gateway.bearer import Bearer
from mayfly_gateway.errors import GatewayError
from mayfly_gateway.gateway import Here
from mayfly_gateway.operator_shapes import OperatorsState

T = TypeVar("T")

MOST_SWEEPS = 30
MOST_CERTIFICATES = 30


async def require_operator(here: Here, token: Bearer) -> None:
    """Let operators in, and nobody else."""
    known = here.settings.operators_token
    if known is None:
        raise GatewayError(
            403,
            "OPERATORS_CLOSED",
            "The operators' page is closed.",
            remedy="Set MAYFLY_GATEWAY_OPERATORS_TOKEN.",
        )
    if not hmac.compare_digest(known.get_secret_value().encode(), (token or "").encode()):
        raise GatewayError(
            401, "CALLER_UNAUTHENTICATED", "The token is not the operators'.", remedy="Give theirs as a bearer token."
        )


router = APIRouter(prefix="/api/page", tags=["operators"], dependencies=[Depends(require_operator)])


@router.get("/operators", summary="What is stored, due and proved")
async def operators(here: Here) -> OperatorsState:
    """Everything that tells whether both promises are kept."""
    mayfly = here.mayfly
    info, usage, due, sweeps, certificates = await asyncio.gather(
        mayfly.storage_info(),
        mayfly.usage(),
        here.due(),
        _first(MOST_SWEEPS, mayfly.list_sweeps(page_size=MOST_SWEEPS)),
        _first(MOST_CERTIFICATES, mayfly.certificates(page_size=MOST_CERTIFICATES)),
    )
    return OperatorsState.model_validate(
        {
            "as_of": here.now(),
            "info": info,
            "usage": list(usage),
            "due": due,
            "sweeps": sweeps,
            "certificates": certificates,
        }
    )


async def _first(most: int, items: AsyncIterator[T]) -> list[T]:
    """As many as are shown; none where no sweeper serves, as with a CronJob alone: the rest is worth seeing."""
    found: list[T] = []
    try:
        async for item in items:
            found.append(item)
            if len(found) == most:
                break
    except UnavailableError:
        return []
    return found

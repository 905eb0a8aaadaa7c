"""Health: whether the process runs, and whether the services behind it answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel

from mayfly_client import MayflyError
from mayfly_gateway.gateway import Here

router = APIRouter(tags=["health"])

_PATIENCE = 2.0


class Health(BaseModel):
    """Who answers."""

    status: Literal["ok", "unavailable"]
    storage: bool
    synth: bool


@router.get("/healthz", summary="The process runs")
async def alive() -> dict[str, str]:
    """Asks nobody: for liveness probes."""
    return {"status": "ok"}


@router.get("/readyz", summary="The services answer", responses={503: {"model": Health}})
async def ready(here: Here, response: Response) -> Health:
    """Asks storage and synth: for readiness probes, which take a gateway out while it could only refuse."""
    storage, synth = await asyncio.gather(
        _answers(here.mayfly.storage_info(timeout=_PATIENCE)), _answers(here.mayfly.voices(timeout=_PATIENCE))
    )
    response.status_code = 200 if storage and synth else 503
    return Health(status="ok" if storage and synth else "unavailable", storage=storage, synth=synth)


async def _answers(asking: Awaitable[object]) -> bool:
    try:
        await asking
    except MayflyError:
        return False
    return True

"""The page of all doors."""

from __future__ import annotations

from fastapi import APIRouter, FastAPI, Request
from starlette.responses import HTMLResponse

from mayfly_gateway.docs_page import render

router = APIRouter(include_in_schema=False)


@router.get("/docs")
async def docs(request: Request) -> HTMLResponse:
    """Every door with its fields and examples, readable without scripts."""
    api: FastAPI = request.app
    return HTMLResponse(render(api.openapi()))

"""The pages: static files of this package, checked for news at each visit and never cached beyond."""

from __future__ import annotations

import gzip
import hashlib
import re
from functools import cache, lru_cache
from pathlib import Path
from typing import Final

from fastapi import APIRouter, Request, Response

from mayfly_gateway.errors import GatewayError

router = APIRouter(include_in_schema=False)

FOLDER: Final = Path(__file__).resolve().parent.parent / "page"
_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".woff2": "font/woff2",
    ".webmanifest": "application/manifest+json",
}


_TAKES_GZIP: Final = re.compile(r"\bgzip\b(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))")


@router.get("/")
async def index(request: Request) -> Response:
    """The guests' page."""
    return _page(request, "index.html")


@router.get("/operators")
async def operators(request: Request) -> Response:
    """The operators' page. What it shows needs their token."""
    return _page(request, "operators.html")


@router.get("/page/{name:path}")
async def file(request: Request, name: str) -> Response:
    """A file of the pages."""
    return _page(request, name)


def _page(request: Request, name: str) -> Response:
    found = _files().get(name)
    if found is None or not found.is_file():
        raise GatewayError(404, "PAGE_NOT_FOUND", "There is no such page.", remedy="The page is at /.")
    body = found.read_bytes()
    packed = _TAKES_GZIP.search(request.headers.get("accept-encoding", "")) is not None
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}{"-gzip" if packed else ""}"'
    headers = {"ETag": etag, "Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
    if etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    if packed:
        body, headers["Content-Encoding"] = _packed(body), "gzip"
    return Response(body, media_type=_TYPES[found.suffix], headers=headers)


@lru_cache(maxsize=64)
def _packed(body: bytes) -> bytes:
    """A third of it; nothing in these files is anybody's, so that their length tells nothing."""
    return gzip.compress(body, mtime=0)


@cache
def _files() -> dict[str, Path]:
    """What may be served, by name: a path that a visitor writes is never joined to a folder."""
    return {
        path.relative_to(FOLDER).as_posix(): path
        for path in sorted(FOLDER.rglob("*"))
        if path.is_file() and path.suffix in _TYPES
    }

"""Storage behind real servers on port 0: over the ports in memory, and over the embedded backend."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import httpx
import pytest

from mayfly_storage.backends.embedded.backend import open_embedded
from mayfly_storage.backends.embedded.options import EmbeddedOptions, LinkServerOptions
from mayfly_storage.testing import FollowLink, LinkResponse
from mayfly_storage.testing.served import Served, serve
from mayfly_storage.testing.stage import Stage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path


@pytest.fixture
async def memory(tmp_path: Path) -> AsyncIterator[Served]:
    """Over the ports in memory, which a test may break."""
    stage = Stage()

    async def follow(
        method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> LinkResponse:
        return stage.memory.links.serve(method, url, headers=headers, body=body)

    async with serve(stage, stage.world, tmp_path, follow=follow) as served:
        yield served


@pytest.fixture
async def embedded(tmp_path: Path) -> AsyncIterator[Served]:
    """Over SQLite, files and a link server."""
    stage = Stage()
    options = EmbeddedOptions(data_dir=tmp_path, links=LinkServerOptions(listen="127.0.0.1:0"))
    async with (
        open_embedded(options, timing=stage.timing, now=stage.clock.now) as backend,
        httpx.AsyncClient(timeout=60) as http,
        serve(stage, replace(stage.world, backend=backend), tmp_path, follow=over(http)) as served,
    ):
        yield served


def over(http: httpx.AsyncClient) -> FollowLink:
    async def follow(
        method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> LinkResponse:
        answer = await http.request(method, url, headers=headers, content=body)
        return LinkResponse(status=answer.status_code, headers=dict(answer.headers), body=answer.content)

    return follow


@pytest.fixture(params=["memory", "embedded"])
def served(request: pytest.FixtureRequest) -> Served:
    """Over each of them in turn."""
    return request.getfixturevalue(request.param)

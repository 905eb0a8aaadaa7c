"""One suite for both kinds of client: `mayfly` drives either of them the same way."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from mayfly_client.testing import FakeMayfly

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from mayfly_client import AsyncClient, Client


class Caller(Protocol):
    """A client of either kind, driven asynchronously."""

    async def call(self, method: str, *args: Any, **kwargs: Any) -> Any:
        """The answer of a method."""

    async def collect(self, method: str, *args: Any, **kwargs: Any) -> list[Any]:
        """All items of a method that yields."""


class AsyncCaller:
    def __init__(self, client: AsyncClient) -> None:
        self.client = client

    async def call(self, method: str, *args: Any, **kwargs: Any) -> Any:
        return await getattr(self.client, method)(*args, **kwargs)

    async def collect(self, method: str, *args: Any, **kwargs: Any) -> list[Any]:
        return [item async for item in getattr(self.client, method)(*args, **kwargs)]


class SyncCaller:
    def __init__(self, client: Client) -> None:
        self.client = client

    async def call(self, method: str, *args: Any, **kwargs: Any) -> Any:
        return await asyncio.to_thread(getattr(self.client, method), *args, **kwargs)

    async def collect(self, method: str, *args: Any, **kwargs: Any) -> list[Any]:
        return await asyncio.to_thread(lambda: list(getattr(self.client, method)(*args, **kwargs)))


@pytest.fixture
def fake() -> Iterator[FakeMayfly]:
    with FakeMayfly() as fake:
        yield fake


@pytest.fixture(params=["async", "sync"])
async def mayfly(request: pytest.FixtureRequest, fake: FakeMayfly) -> AsyncIterator[Caller]:
    if request.param == "async":
        async with fake.async_client() as client:
            yield AsyncCaller(client)
    else:
        with fake.client() as sync_client:
            yield SyncCaller(sync_client)


@pytest.fixture(autouse=True)
def no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("MAYFLY_")]:  # noqa: TID251 - tests set their own
        monkeypatch.delenv(name)

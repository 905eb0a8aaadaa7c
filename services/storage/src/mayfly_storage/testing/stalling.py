"""An eraser that stops between two of its requests for as long as a test likes, and goes on."""

from __future__ import annotations

import asyncio
import inspect
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from mayfly_storage.domain.audio import AudioName
    from mayfly_storage.domain.stores import Backend


class Stall:
    """Before which of all requests to rows and bytes it comes, from 0."""

    def __init__(self, before: int) -> None:
        """Take how many requests go on their way at once."""
        self._left = before
        self.reached = asyncio.Event()
        self.over = asyncio.Event()

    async def pass_by(self) -> None:
        """Go on, but for the one request."""
        self._left -= 1
        if self._left == -1:
            self.reached.set()
            await self.over.wait()

    def within(self, backend: Backend) -> Backend:
        """The same backend for whoever is to stall."""
        stores: Any = {
            location: replace(store, blobs=_Port(store.blobs, self))
            for location, store in backend.stores.by_location.items()
        }
        return replace(
            backend, catalog=_Port(backend.catalog, self), stores=replace(backend.stores, by_location=stores)
        )


class _Port:
    def __init__(self, port: Any, stall: Stall) -> None:
        self._port = port
        self._stall = stall

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        if not inspect.iscoroutinefunction(found):
            return found

        async def later(*args: Any, **kwargs: Any) -> Any:
            await self._stall.pass_by()
            return await found(*args, **kwargs)

        return later


async def run_into(stall: Stall, task: asyncio.Task[Any]) -> bool:
    """Let a task run until it stalls; False if it ended before."""
    stalls = asyncio.ensure_future(stall.reached.wait())
    await asyncio.wait({task, stalls}, return_when=asyncio.FIRST_COMPLETED)
    stalls.cancel()
    return not task.done()


@dataclass(frozen=True, slots=True)
class StalledEraser:
    """A deletion that stands still; the row is a tombstone by now, or not yet."""

    name: AudioName
    stall: Stall
    task: asyncio.Task[bool]


async def begin(deletion: Coroutine[Any, Any, bool], stall: Stall) -> asyncio.Task[bool]:
    """A deletion that has run until it stalls, or has ended before."""
    task = asyncio.ensure_future(deletion)
    await run_into(stall, task)
    return task

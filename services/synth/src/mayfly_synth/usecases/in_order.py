"""Work side by side, results in order."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable

T = TypeVar("T")
R = TypeVar("R")


async def in_order(
    items: AsyncIterator[T], work: Callable[[T], Awaitable[R]], *, window: int, first_alone: bool = False
) -> AsyncGenerator[tuple[T, R], None]:
    """Answer each item with its result, in the order of the items, while later ones are worked on.

    Args:
        items: What to work on. An item is taken when there is room for it.
        work: What to do with one.
        window: Most items that are worked on, or done and not yet taken.
        first_alone: Whether the first result is waited for more than all the others: nothing else is begun before it
            has been taken, which would take the cores from it and from those who pass it on. Then what was taken
            meanwhile is begun in one moment.

    Raises:
        Exception: Whatever `items` or `work` raises, in its place in the order. Closing the generator, or an error,
            cancels the work that is left and waits until it is cancelled.
    """
    begun = _Begun(work, window=window, gate=asyncio.Event() if first_alone else None)
    starter = asyncio.create_task(begun.begin_all(items))
    try:
        while (next_one := await begun.coming.get()) is not None:
            item, task = next_one
            yield item, await task
            begun.taken(task)
        await starter
    finally:
        for left in (starter, *begun.tasks):
            left.cancel()
        await asyncio.gather(starter, *begun.tasks, return_exceptions=True)


class _Begun(Generic[T, R]):
    """Work that was begun and not yet taken."""

    def __init__(self, work: Callable[[T], Awaitable[R]], *, window: int, gate: asyncio.Event | None) -> None:
        self._work = work
        self._room = asyncio.Semaphore(window)
        self._gate = gate
        """Opens for all but the first when that has been taken. None: nobody waits."""
        self.tasks: set[asyncio.Task[R]] = set()
        self.coming: asyncio.Queue[tuple[T, asyncio.Task[R]] | None] = asyncio.Queue()
        """In the order of the items; None: there are no more."""

    async def begin_all(self, items: AsyncIterator[T]) -> None:
        """Begin each when there is room for it."""
        gate = None
        try:
            await self._room.acquire()
            async for item in items:
                task = asyncio.ensure_future(self._after(gate, item))
                gate = self._gate
                self.tasks.add(task)
                self.coming.put_nowait((item, task))
                await self._room.acquire()
        finally:
            self.coming.put_nowait(None)

    def taken(self, task: asyncio.Task[R]) -> None:
        """Make room for another one."""
        self.tasks.discard(task)
        self._room.release()
        if self._gate is not None:
            self._gate.set()

    async def _after(self, gate: asyncio.Event | None, item: T) -> R:
        if gate is not None:
            await gate.wait()
        return await self._work(item)

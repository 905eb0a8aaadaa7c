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
            has been taken, which would take the cores from it and from those who pass it on.

    Raises:
        Exception: Whatever `items` or `work` raises, in its place in the order. Closing the generator, or an error,
            cancels the work that is left and waits until it is cancelled.
    """
    room, begun = asyncio.Semaphore(1 if first_alone else window), _Begun[T, R]()
    starter = asyncio.create_task(begun.begin_all(items, work, room))
    room_after = window if first_alone else 1
    try:
        while (next_one := await begun.coming.get()) is not None:
            item, task = next_one
            yield item, await task
            begun.tasks.discard(task)
            for _ in range(room_after):
                room.release()
            room_after = 1
        await starter
    finally:
        for left in (starter, *begun.tasks):
            left.cancel()
        await asyncio.gather(starter, *begun.tasks, return_exceptions=True)


class _Begun(Generic[T, R]):
    """Work that was begun and not yet taken."""

    def __init__(self) -> None:
        self.tasks: set[asyncio.Task[R]] = set()
        self.coming: asyncio.Queue[tuple[T, asyncio.Task[R]] | None] = asyncio.Queue()
        """In the order of the items; None: there are no more."""

    async def begin_all(
        self, items: AsyncIterator[T], work: Callable[[T], Awaitable[R]], room: asyncio.Semaphore
    ) -> None:
        """Begin each when there is room for it."""
        try:
            await room.acquire()
            async for item in items:
                task = asyncio.ensure_future(work(item))
                self.tasks.add(task)
                self.coming.put_nowait((item, task))
                await room.acquire()
        finally:
            self.coming.put_nowait(None)

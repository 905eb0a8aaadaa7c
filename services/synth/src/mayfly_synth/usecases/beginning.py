"""The beginning of the first sound of a stream, which is heard while the rest of that sound is computed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

T = TypeVar("T")


class Beginning:
    """Comes once, or not at all. To be made in the event loop."""

    __slots__ = ("came",)

    def __init__(self) -> None:
        self.came: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        """Its samples."""

    def hear(self, pcm: bytes) -> None:
        """Take it."""
        self.came.set_result(pcm)


async def with_beginning(sounds: AsyncGenerator[T, None], beginning: Beginning) -> AsyncGenerator[bytes | T, None]:
    """Answer the beginning of the first sound if it comes, and then the sounds. To be closed by whoever opens it."""
    first = asyncio.ensure_future(anext(sounds, None))
    try:
        await asyncio.wait((first, beginning.came), return_when=asyncio.FIRST_COMPLETED)
        if beginning.came.done():
            yield beginning.came.result()
        if (sound := await first) is not None:
            yield sound
    finally:
        # Nothing may wait for a generator that somebody is about to close.
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
    async for sound in sounds:
        yield sound

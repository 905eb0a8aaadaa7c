"""The beginning of the first sound of a stream, which is heard while the rest of that sound is computed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

T = TypeVar("T")


async def with_beginning(
    sounds: AsyncGenerator[T, None], beginning: asyncio.Future[bytes]
) -> AsyncGenerator[bytes | T, None]:
    """Answer the beginning of the first sound if it comes, and then the sounds. To be closed by whoever opens it.

    Args:
        sounds: The whole ones.
        beginning: Its samples; it may never be done.
    """
    first = asyncio.ensure_future(anext(sounds, None))
    try:
        await asyncio.wait((first, beginning), return_when=asyncio.FIRST_COMPLETED)
        if beginning.done():
            yield beginning.result()
        if (sound := await first) is not None:
            yield sound
    finally:
        # Nothing may wait for a generator that somebody is about to close.
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
    async for sound in sounds:
        yield sound

"""The beginning of the first sound of a stream, which is heard while the rest of that sound is computed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

T = TypeVar("T")


def _awaited() -> asyncio.Future[bytes]:
    return asyncio.get_running_loop().create_future()


@dataclass(frozen=True, slots=True)
class Beginning:
    """The beginning of a first sound. To be made in an event loop."""

    heard: asyncio.Future[bytes] = field(default_factory=_awaited)
    """Its samples; it may never be done."""
    passed_on: asyncio.Event = field(default_factory=asyncio.Event)
    """Whether whoever waited for it has it, so that others may use the cores."""


async def with_beginning(sounds: AsyncGenerator[T, None], beginning: Beginning) -> AsyncGenerator[bytes | T, None]:
    """Answer the beginning of the first sound if it comes, and then the sounds. To be closed by whoever opens it.

    Args:
        sounds: The whole ones.
        beginning: Of the first one.
    """
    first = asyncio.ensure_future(anext(sounds, None))
    try:
        await asyncio.wait((first, beginning.heard), return_when=asyncio.FIRST_COMPLETED)
        if beginning.heard.done():
            yield beginning.heard.result()
            beginning.passed_on.set()
        if (sound := await first) is not None:
            yield sound
    finally:
        # Nothing may wait for a generator that somebody is about to close.
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
    async for sound in sounds:
        yield sound

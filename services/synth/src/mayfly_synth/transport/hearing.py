"""Callers who are refused while they still send are heard out for a moment, so that they hear why.

gRPC in Python tells a caller whose message could not be sent any more INTERNAL, "Internal error from Core", in place of
the server's answer. What a caller sends at once is on its way already: it is taken before the answer is given.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

T = TypeVar("T")

# A refusal should not wait for a caller who thinks, nor for one who never ends.
_PAUSE_SECONDS: Final = 0.02
_SECONDS: Final = 1.0
_MESSAGES: Final = 100


@asynccontextmanager
async def hearing_out(messages: AsyncIterator[T]) -> AsyncIterator[None]:
    """Take the rest of what is being sent before an error goes on its way."""
    try:
        yield
    except Exception:
        await _take(messages)
        raise


async def _take(messages: AsyncIterator[T]) -> None:
    try:
        async with asyncio.timeout(_SECONDS):
            for _ in range(_MESSAGES):
                async with asyncio.timeout(_PAUSE_SECONDS):
                    await anext(messages)
    except (TimeoutError, StopAsyncIteration):
        return

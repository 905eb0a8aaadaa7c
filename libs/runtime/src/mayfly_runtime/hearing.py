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

THINKING: Final = 0.02
"""Seconds. A refusal should not wait for a caller who sends what a person writes."""
SENDING: Final = 0.25
"""Seconds. Who sends a file comes back as soon as the machine lets it; a busy one takes its time."""

# Nor should it wait for a caller who never ends.
_SECONDS: Final = 1.0
_MESSAGES: Final = 1_000


@asynccontextmanager
async def hearing_out(messages: AsyncIterator[T], *, pause: float) -> AsyncIterator[None]:
    """Take the rest of what is being sent before an error goes on its way.

    Args:
        messages: What the caller sends.
        pause: Seconds without a message after which the caller is taken to have stopped.
    """
    try:
        yield
    except Exception:
        await _take(messages, pause)
        raise


async def _take(messages: AsyncIterator[T], pause: float) -> None:
    try:
        async with asyncio.timeout(_SECONDS):
            for _ in range(_MESSAGES):
                async with asyncio.timeout(pause):
                    await anext(messages)
    except (TimeoutError, StopAsyncIteration):
        return

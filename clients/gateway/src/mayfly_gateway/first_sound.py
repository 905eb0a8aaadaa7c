"""The beginning of streamed speech: whether a text can be spoken shows with its first sound."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from starlette.requests import ClientDisconnect

from mayfly_client import AudioChunk, SpeechHeader

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from starlette.requests import Request

    from mayfly_client import SpeechItem

_HEAD: Final = 1_024
_HEADS: Final = {"audio/flac": 10 * 1_024}
"""What a file may say about itself before its first sound; FLAC leaves room there to say more. Unit: bytes."""


async def up_to_first_sound(items: AsyncGenerator[SpeechItem], request: Request) -> list[SpeechItem]:
    """What comes up to the first sound, of which nobody waits for any part.

    Synth names the voice, and begins the file, before it has seen the text. An answer that had begun by then could not
    say any more, in its status, that the text cannot be spoken.

    Raises:
        MayflyError: The text cannot be spoken, or synth is busy.
        ClientDisconnect: Nobody waits any more; synth was told so, and goes on with others.
    """
    beginning, leaving = asyncio.ensure_future(_beginning(items)), asyncio.ensure_future(_disconnected(request))
    try:
        await asyncio.wait((beginning, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not beginning.done():
            raise ClientDisconnect
        return await beginning
    finally:
        beginning.cancel()
        leaving.cancel()
        await asyncio.gather(beginning, leaving, return_exceptions=True)


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _beginning(items: AsyncGenerator[SpeechItem]) -> list[SpeechItem]:
    held: list[SpeechItem] = []
    of_head = _HEAD
    async for item in items:
        held.append(item)
        if isinstance(item, SpeechHeader):
            of_head = _HEADS.get(item.content_type, _HEAD)
        elif isinstance(item, AudioChunk) and len(item.data) <= of_head:
            of_head -= len(item.data)
        else:
            break
    return held

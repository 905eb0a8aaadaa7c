"""The beginning of streamed speech: whether a text can be spoken shows with its first sound."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mayfly_client import AudioChunk, SpeechHeader

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from mayfly_client import SpeechItem

_LARGEST_HEAD: Final = 1_024
"""What a file may say about itself before its first sound. Unit: bytes."""


async def up_to_first_sound(items: AsyncGenerator[SpeechItem]) -> list[SpeechItem]:
    """What comes up to the first sound, of which nobody waits for any part.

    Synth names the voice, and begins the file, before it has seen the text. An answer that had begun by then could not
    say any more, in its status, that the text cannot be spoken.

    Raises:
        MayflyError: The text cannot be spoken, or synth is busy.
    """
    held: list[SpeechItem] = []
    size = 0
    async for item in items:
        held.append(item)
        size += len(item.data) if isinstance(item, AudioChunk) else 0
        if size > _LARGEST_HEAD or not isinstance(item, AudioChunk | SpeechHeader):
            break
    return held

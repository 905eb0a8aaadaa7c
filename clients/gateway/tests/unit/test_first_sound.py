from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from starlette.requests import ClientDisconnect, Request

from mayfly_client import AudioChunk, MayflyError, Segment, SpeechHeader, SpeechTrailer
from mayfly_gateway.first_sound import up_to_first_sound

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from starlette.types import Message

    from mayfly_client import SpeechItem

HEADER = SpeechHeader(content_type="audio/wav", sample_rate_hertz=16_000, voice="v")
OF_FLAC = replace(HEADER, content_type="audio/flac")
HEAD_OF_FLAC = AudioChunk(bytes(8_415))
FILE_HEAD = AudioChunk(b"RIFF" + bytes(40))
SOUND = AudioChunk(bytes(4_000))
SHORT_SOUND = AudioChunk(bytes(500))
SENTENCE = Segment(
    index=0,
    graphemes="Hi.",
    phonemes="",
    start=timedelta(0),
    end=timedelta(seconds=0.1),
    words=(),
    words_estimated=True,
    audio=None,
)
END = SpeechTrailer(stored=None, duration=timedelta(0), processing_time=timedelta(0), loudness_lufs=None)


def listener(leaves: asyncio.Event | None = None) -> Request:
    """Somebody who waits until then."""

    async def receive() -> Message:
        await (leaves or asyncio.Event()).wait()
        return {"type": "http.disconnect"}

    return Request({"type": "http"}, receive)


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ([HEADER, FILE_HEAD, SOUND, SENTENCE, SOUND], 3),
        ([HEADER, SOUND, SENTENCE, SOUND], 2),
        ([HEADER, FILE_HEAD, SHORT_SOUND, SENTENCE, SOUND], 4),
        ([HEADER, FILE_HEAD, SHORT_SOUND, SHORT_SOUND, SHORT_SOUND], 4),
        ([OF_FLAC, HEAD_OF_FLAC, SOUND, SENTENCE], 3),
        ([HEADER, FILE_HEAD, END], 3),
        ([HEADER, FILE_HEAD], 2),
    ],
    ids=["file with a head", "raw samples", "short sentence", "short chunks", "FLAC", "no sound at all", "cut off"],
)
async def test_nothing_is_waited_for_beyond_the_first_sound(items: list[SpeechItem], expected: int) -> None:
    async def stream() -> AsyncGenerator[SpeechItem]:
        for item in items:
            yield item

    rest = stream()
    begun = await up_to_first_sound(rest, listener())

    assert begun == items[:expected]
    assert [item async for item in rest] == items[expected:]


async def test_nothing_is_spoken_for_whoever_has_left() -> None:
    leaves, ended = asyncio.Event(), asyncio.Event()

    async def queued() -> AsyncGenerator[SpeechItem]:
        try:
            yield HEADER
            leaves.set()
            await asyncio.Event().wait()
        finally:
            ended.set()

    with pytest.raises(ClientDisconnect):
        await up_to_first_sound(queued(), listener(leaves))

    assert ended.is_set()


async def test_a_refusal_is_told_to_whoever_waits() -> None:
    async def refused() -> AsyncGenerator[SpeechItem]:
        yield HEADER
        raise MayflyError("The text cannot be spoken.")

    with pytest.raises(MayflyError, match="cannot be spoken"):
        await up_to_first_sound(refused(), listener())

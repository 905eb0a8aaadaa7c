from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from mayfly_client import AudioChunk, Segment, SpeechHeader, SpeechTrailer
from mayfly_gateway.first_sound import up_to_first_sound

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

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
    begun = await up_to_first_sound(rest)

    assert begun == items[:expected]
    assert [item async for item in rest] == items[expected:]

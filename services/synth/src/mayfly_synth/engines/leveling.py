"""One gain for a whole utterance, so that no sentence jumps.

Where everything is spoken before anything is written, everything is measured. A stream cannot wait for that: its gain
is that of its beginning, a few seconds at least, and stays. A voice speaks at one level, so the two differ by little;
what was reached is measured in both cases, and told.
"""

from __future__ import annotations

import math
from contextlib import aclosing
from typing import TYPE_CHECKING, Final

from mayfly_synth.domain.errors import EncoderFailedError
from mayfly_synth.domain.formats import SAMPLE_BYTES, Loudness
from mayfly_synth.engines import arguments
from mayfly_synth.engines.ffmpeg import own_fault
from mayfly_synth.engines.reports import Report

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Sequence

    from mayfly_synth.engines.ffmpeg import Ffmpeg

_FIRST_SECONDS: Final = 3
"""R128 gates blocks of 0.4 s, so that less says little."""
_LEAST_SECONDS: Final = 0.4
"""Of less it says nothing: that is silence to it."""
_ENOUGH_SECONDS: Final = 1


def first_bytes(sample_rate: int) -> int:
    """How much of a stream is measured before it begins."""
    return _FIRST_SECONDS * sample_rate * SAMPLE_BYTES


async def gathered(pcm: AsyncIterator[bytes], *, at_least: int | None) -> list[bytes]:
    """The first blocks, until there are enough bytes; None: all of them."""
    blocks: list[bytes] = []
    size = 0
    async for block in pcm:
        blocks.append(block)
        size += len(block)
        if at_least is not None and size >= at_least:
            break
    return blocks


def repeats(blocks: Sequence[bytes], *, sample_rate: int) -> int:
    """How many times a whole sound is to be heard, one after the other, so that it can be measured at all."""
    seconds = sum(map(len, blocks)) / (sample_rate * SAMPLE_BYTES)
    return math.ceil(_ENOUGH_SECONDS / seconds) if 0 < seconds < _LEAST_SECONDS else 1


async def again(blocks: Sequence[bytes], rest: AsyncIterator[bytes] | None = None) -> AsyncGenerator[bytes, None]:
    """What was gathered, and what comes after it."""
    for block in blocks:
        yield block
    if rest is not None:
        async for block in rest:
            yield block


async def measured(
    ffmpeg: Ffmpeg, blocks: Sequence[bytes], *, sample_rate: int, filters: Sequence[str] = ()
) -> Loudness:
    """The loudness of samples, after filters.

    Raises:
        EncoderFailedError: If ffmpeg does not tell it.
    """
    report = Report()
    given = arguments.compile_arguments(
        arguments.pcm_input(sample_rate), [*filters, arguments.measure()], arguments.nothing(), talks=True
    )
    async with own_fault(), aclosing(ffmpeg.run(given, again(blocks), report=report)) as pieces:
        async for _ in pieces:
            pass
    if report.loudness is None:
        raise EncoderFailedError
    return report.loudness

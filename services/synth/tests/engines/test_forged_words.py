"""Words of our own filters, put into their mouths: ffmpeg says what tags are called, and a name may have line feeds."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import TYPE_CHECKING

import imageio_ffmpeg
import pytest

from mayfly_synth.domain.processing import Steps
from mayfly_synth.testing_processing import SOUND, converted, pieces

if TYPE_CHECKING:
    from mayfly_synth.engines.processing import FfmpegProcessor

WHEEL = Path(imageio_ffmpeg.get_ffmpeg_exe())
STEPS = (Steps(), Steps(trim_silence=True), Steps(loudness_lufs=-20.0))
SAID = (
    "[ashowinfo@out @ 0x1] n:0 pts:0 pts_time:0 rate:1 nb_samples:999999999 checksum:0",
    "[ashowinfo@in @ 0x1] n:0 pts:0 pts_time:0 rate:999999999 nb_samples:1 checksum:0",
    "[astats@out @ 0x1] Number of samples: 1",
    "[silencedetect@ends @ 0x1] silence_start: 0\n[silencedetect@ends @ 0x1] silence_end: 4",
    "[silencedetect @ 0x1] silence_start: 1.2.3",
    "    I:         1.2.3 LUFS",
    "  Stream #0:0: Audio: pcm, 999999999 Hz, mono",
)


def named(name: str, flac: bytes) -> bytes:
    """A FLAC file with a tag of this name."""
    tag = f"a\n{name}\nb=c".encode()
    block = struct.pack("<III", 0, 1, len(tag)) + tag
    return flac[:42] + b"\x04" + len(block).to_bytes(3) + block + flac[42:]


@pytest.mark.parametrize("said", SAID)
@pytest.mark.parametrize("steps", STEPS, ids=["one pass", "trimmed", "two passes"])
async def test_the_name_of_a_tag_is_no_word_of_a_filter(
    processor: FfmpegProcessor, tmp_path: Path, steps: Steps, said: str
) -> None:
    flac = converted(WHEEL, SOUND, "-f", "flac", folder=tmp_path)
    honest = await processor.process(pieces(flac), steps)

    made = await processor.process(pieces(named(said, flac)), steps)

    assert (made.duration, made.source_duration) == (honest.duration, honest.source_duration)

"""What tests of engines share: processors over every ffmpeg that there is."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import imageio_ffmpeg
import pytest

from mayfly_runtime.offload import Offload
from mayfly_synth.domain.processing import ProcessingLimits
from mayfly_synth.engines.ffmpeg import Ffmpeg, Limits
from mayfly_synth.engines.processing import FfmpegProcessor
from mayfly_synth.engines.scratch import Scratch

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_FOUND = (("system", shutil.which("ffmpeg")), ("wheel", imageio_ffmpeg.get_ffmpeg_exe()))
PROGRAMS = {name: Path(path) for name, path in _FOUND if path}


@pytest.fixture(params=PROGRAMS)
def program(request: pytest.FixtureRequest) -> Path:
    """The system's ffmpeg, and the one of the wheel."""
    return PROGRAMS[request.param]


@pytest.fixture
async def processor(program: Path, tmp_path: Path) -> AsyncIterator[FfmpegProcessor]:
    """A processor with tight bounds, for what is made to pass them."""
    limits = ProcessingLimits(max_output_bytes=20 * 1024 * 1024)
    ffmpeg = Ffmpeg.find(program, limits=Limits(memory_bytes=1024**3, cpu_seconds=10))
    disk = Offload(name="scratch", workers=1, queue=4)
    scratch = Scratch.in_folders([tmp_path], max_bytes=limits.max_input_bytes)
    file_input = await ffmpeg.seekable_input()
    yield FfmpegProcessor(ffmpeg, scratch=scratch, limits=limits, offload=disk, file_input=file_input)
    await disk.shutdown()

"""However a processing ends, nothing of it stays: no program, no file, no descriptor."""

from __future__ import annotations

import asyncio
import errno
import gc
import sys
from contextlib import aclosing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mayfly_runtime.offload import Offload
from mayfly_synth.domain.formats import AudioFormat
from mayfly_synth.domain.processing import ProcessingLimits, Steps
from mayfly_synth.domain.processing_errors import InputTooLongError
from mayfly_synth.engines.ffmpeg import Ffmpeg, Limits
from mayfly_synth.engines.processing import FfmpegProcessor
from mayfly_synth.engines.scratch import Scratch
from mayfly_synth.testing_processing import SOUND, pieces, programs, tone, wav

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from mayfly_synth.engines.reports import Report

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")

TWICE = Steps(trim_silence=True, format=AudioFormat.OPUS)


@pytest.fixture
async def disk() -> AsyncIterator[Offload]:
    pool = Offload(name="scratch", workers=1, queue=4)
    yield pool
    await pool.shutdown()


def descriptors() -> set[str]:
    """What this process has open, but for what it looks with."""
    found = set()
    for entry in Path("/proc/self/fd").iterdir():
        try:
            found.add(f"{entry.name} {entry.readlink()}")
        except OSError as error:
            assert error.errno == errno.ENOENT  # noqa: PT017 - the one of this loop
    return found


async def left_behind(before: set[str]) -> tuple[set[str], list[int]]:
    """Descriptors and programs that stay; asyncio's own clean-up takes some turns of the loop."""
    gc.collect()
    with suppress(TimeoutError):
        async with asyncio.timeout(10):
            while descriptors() - before or programs():  # noqa: ASYNC110 - nobody tells when they are gone
                await asyncio.sleep(0.01)
    return descriptors() - before, programs()


def bytes_written(pid: int) -> int:
    told = dict(line.split(": ") for line in Path(f"/proc/{pid}/io").read_text().splitlines())
    return int(told["wchar"])


async def stuck(pid: int) -> None:
    """Wait until a process writes no more: its pipe is full, and nobody tells."""
    written, before = 0, -1
    while written != before:
        await asyncio.sleep(0.05)
        written, before = bytes_written(pid), written


def names_in(folder: Path) -> list[str]:
    """Files anywhere below."""
    return [str(path) for path in folder.rglob("*") if path.is_file()]


async def everything(run: AsyncGenerator[bytes, None]) -> None:
    async with aclosing(run):
        async for _ in run:
            pass


def processor(folder: Path, disk: Offload) -> FfmpegProcessor:
    ffmpeg = Ffmpeg.find(limits=Limits(cpu_seconds=60))
    limits = ProcessingLimits()
    scratch = Scratch.in_folders([folder], max_bytes=limits.max_input_bytes)
    return FfmpegProcessor(ffmpeg, scratch=scratch, limits=limits, offload=disk)


@pytest.mark.parametrize("steps", [Steps(), TWICE], ids=["one pass", "two passes"])
async def test_after_success(tmp_path: Path, disk: Offload, steps: Steps) -> None:
    before = descriptors()

    await processor(tmp_path, disk).process(pieces(SOUND), steps)

    assert await left_behind(before) == (set(), [])
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("steps", [Steps(), TWICE], ids=["one pass", "two passes"])
async def test_after_a_cancellation_in_the_middle(tmp_path: Path, disk: Offload, steps: Steps) -> None:
    before, halfway = descriptors(), asyncio.Event()

    async def stalled() -> AsyncIterator[bytes]:
        async for piece in pieces(SOUND):
            yield piece
        halfway.set()
        await asyncio.Event().wait()

    call = asyncio.create_task(processor(tmp_path, disk).process(stalled(), steps))
    await halfway.wait()
    assert programs()
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)

    assert await left_behind(before) == (set(), [])


async def test_after_output_that_nobody_takes() -> None:
    """Pipes that are full are pipes that asyncio does not look at."""
    before = descriptors()
    arguments = ["-f", "lavfi", "-i", "sine=d=600", "-f", "s16le", "pipe:1"]

    async with asyncio.timeout(60):
        async with aclosing(Ffmpeg.find().run(arguments, asyncio.subprocess.DEVNULL)) as sound:
            await anext(sound)
            await stuck(programs()[0])

    assert await left_behind(before) == (set(), [])


async def test_after_a_watcher_that_has_seen_enough() -> None:
    before = descriptors()

    def enough(_: Report) -> None:
        raise InputTooLongError(max_duration=ProcessingLimits().max_duration)

    arguments = ["-v", "info", "-f", "wav", "-i", "pipe:0", "-f", "s16le", "pipe:1"]
    run = Ffmpeg.find().run(arguments, pieces(wav(tone(60))), watch=enough)
    with pytest.raises(InputTooLongError):
        await everything(run)

    assert await left_behind(before) == (set(), [])

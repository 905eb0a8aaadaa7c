from __future__ import annotations

import asyncio
import os
import stat
import sys
from contextlib import aclosing
from typing import TYPE_CHECKING

import pytest

from mayfly_synth.domain.formats import AudioFormat
from mayfly_synth.engines.arguments import compile_arguments, output, pcm_input
from mayfly_synth.engines.encoders import SpeechEncoder
from mayfly_synth.engines.ffmpeg import Ffmpeg, FfmpegError, FfmpegFailedError, Limits
from mayfly_synth.testing_processing import runs

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator
    from pathlib import Path

ARGUMENTS = compile_arguments(
    pcm_input(16_000), [], output(AudioFormat.MP3, sample_rate=16_000, bit_rate=64_000), talks=False
)


async def silence(seconds: int) -> AsyncIterator[bytes]:
    for _ in range(seconds):
        yield bytes(32_000)


async def everything(pieces: AsyncGenerator[bytes, None]) -> bytes:
    async with aclosing(pieces):
        return b"".join([piece async for piece in pieces])


def program(folder: Path, text: str) -> Ffmpeg:
    """A program in ffmpeg's place."""
    path = folder / "ffmpeg"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return Ffmpeg(path)


def test_the_input_is_forced_and_nothing_but_pipes_is_allowed() -> None:
    said = " ".join(ARGUMENTS)

    assert "-f s16le" in said
    assert "-protocol_whitelist pipe" in said
    assert "-format_whitelist s16le" in said
    assert said.index("-protocol_whitelist") < said.index("-i pipe:0")
    assert said.split()[-1] != "-y"
    assert "pipe:1" in ARGUMENTS


async def test_both_pipes_are_served_at_once_for_more_than_they_hold() -> None:
    assert len(await everything(Ffmpeg.find().run(ARGUMENTS, silence(300)))) == pytest.approx(300 * 8_000, rel=0.01)


async def test_output_comes_before_the_input_has_ended() -> None:
    first_came = asyncio.Event()

    async def source() -> AsyncIterator[bytes]:
        yield bytes(320_000)
        await first_came.wait()
        yield bytes(320_000)

    async with aclosing(Ffmpeg.find().run(ARGUMENTS, source())) as pieces:
        async for _ in pieces:
            first_came.set()

    assert first_came.is_set()


async def test_no_input_makes_no_output_and_no_error() -> None:
    assert await everything(Ffmpeg.find().run(ARGUMENTS, silence(0))) == b""


async def test_a_program_that_fails_is_an_encoder_that_failed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(FfmpegFailedError) as failed:
        await everything(program(tmp_path, "echo broken >&2; exit 3").run([], silence(10)))

    assert "broken" not in str(failed.value)
    (record,) = [record for record in caplog.records if record.message == "ffmpeg_failed"]
    assert (record.__dict__["exit_code"], record.__dict__["stderr"]) == (3, "broken\n")


async def test_a_failing_source_is_told_as_what_it_is() -> None:
    async def failing() -> AsyncIterator[bytes]:
        yield bytes(32_000)
        raise ValueError("the voice broke")

    with pytest.raises(ValueError, match="the voice broke"):
        await everything(Ffmpeg.find().run(ARGUMENTS, failing()))


async def test_a_program_that_talks_without_end_on_standard_error_does_not_block(tmp_path: Path) -> None:
    loud = program(tmp_path, "yes complaint | head -c 1000000 >&2; cat")

    assert await everything(loud.run([], silence(1))) == bytes(32_000)


@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
async def test_closing_kills_the_program_and_what_it_started(tmp_path: Path) -> None:
    family = program(tmp_path, "sleep 600 & echo $$ $!; wait")

    async def endless() -> AsyncIterator[bytes]:
        await asyncio.Event().wait()
        yield b""

    pieces = family.run([], endless())
    started = [int(number) for number in (await anext(pieces)).split()]
    await pieces.aclose()

    assert len(started) == 2
    await ended(started)


@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
async def test_cancelling_the_task_that_reads_kills_the_program(tmp_path: Path) -> None:
    started: asyncio.Queue[int] = asyncio.Queue()

    async def read() -> None:
        async with aclosing(program(tmp_path, "echo $$; exec sleep 600").run([], silence(0))) as pieces:
            async for piece in pieces:
                started.put_nowait(int(piece))

    reader = asyncio.create_task(read())
    pid = await started.get()
    assert runs(pid)
    reader.cancel()
    await asyncio.gather(reader, return_exceptions=True)

    await ended([pid])


@pytest.mark.skipif(sys.platform != "linux", reason="prlimit is Linux's")
async def test_the_program_runs_within_its_limits(tmp_path: Path) -> None:
    told = program(tmp_path, "ulimit -v; ulimit -t; ulimit -n; ulimit -f")
    limited = Ffmpeg.find(told.path, limits=Limits(memory_bytes=512 * 1024**2, cpu_seconds=7, open_files=32))

    assert (await everything(limited.run([], silence(0)))).split() == [b"524288", b"7", b"32", b"0"]


async def test_a_program_that_cannot_write_mp3_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(FfmpegError, match="MAYFLY_SYNTH_FFMPEG"):
        await SpeechEncoder(program(tmp_path, "exit 1")).check()
    with pytest.raises(FfmpegError, match="MAYFLY_SYNTH_FFMPEG"):
        await SpeechEncoder(Ffmpeg(tmp_path / "missing")).check()


async def ended(pids: list[int]) -> None:
    """Wait until no process runs: one that is killed takes a moment to die."""
    async with asyncio.timeout(60):
        while any(runs(pid) for pid in pids):  # noqa: ASYNC110 - the kernel sends no event for a grandchild
            await asyncio.sleep(0.005)


def test_this_process_runs() -> None:
    assert runs(os.getpid())

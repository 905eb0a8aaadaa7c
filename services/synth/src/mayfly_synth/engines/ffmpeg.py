"""ffmpeg as a filter: bytes in through one pipe, bytes out through another, nothing else.

The child can open no file and no connection (`protocol_whitelist`), is told the format of its input instead of guessing
it, has bounds on memory and processor time (`prlimit`), and lives in a session of its own, so that it and whatever it
might start can be killed together. There is no `preexec_fn` here: with it the interpreter would fork, and forking a
process that serves gRPC corrupts it.
"""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import ffmpeg
import imageio_ffmpeg

from mayfly_synth.domain.errors import EncoderFailedError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Sequence

PIECE_BYTES: Final = 64 * 1024
_COMPLAINT_BYTES: Final = 4096
# ffmpeg writes frame by frame, some hundred bytes each. Waiting a moment between reads makes few large pieces of them,
# which costs far less to send, and delays no sound that anybody could hear.
_PACE_SECONDS: Final = 0.005

_log = logging.getLogger("mayfly.synth.ffmpeg")


class FfmpegError(Exception):
    """There is no ffmpeg to run, or it cannot do what is needed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one run of ffmpeg may use. Generous for speech; a bound for what goes wrong."""

    memory_bytes: int = 2 * 1024**3
    """Address space. A static build needs 300 MB to begin at all, one with shared libraries more."""
    cpu_seconds: int = 600
    """Processor time. MP3 is encoded some 300 times faster than it plays, so this is two days of speech."""
    open_files: int = 64


@dataclass(frozen=True, slots=True)
class Ffmpeg:
    """A program that was found, and how it is run."""

    path: Path
    prefix: tuple[str, ...] = ()
    """Command that bounds the program and becomes it; empty where the system has none."""

    @classmethod
    def find(cls, path: Path | None = None, *, limits: Limits | None = None) -> Ffmpeg:
        """Take the given program, or the system's, or else the one that comes with imageio-ffmpeg.

        Raises:
            FfmpegError: If there is none.
        """
        return cls(path or _installed(), _prlimit(limits or Limits()))

    async def run(self, arguments: Sequence[str], source: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
        """Send `source` through the program, and answer what comes out as it comes.

        Both pipes are served at the same time, or the program and we would wait for each other. Output that is not
        taken stops the program, and with it the taking of `source`. Closing the generator kills the program's process
        group and waits for its end.

        Raises:
            EncoderFailedError: If the program ended with an error.
        """
        process = await asyncio.create_subprocess_exec(
            *self.prefix,
            self.path,
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        feeder = asyncio.create_task(_feed(process, source))
        complaints = asyncio.create_task(_complaints(process))
        try:
            while piece := await _pipe(process.stdout).read(PIECE_BYTES):
                yield piece
                await asyncio.sleep(_PACE_SECONDS)
            await feeder
            if await process.wait():
                _log.error("ffmpeg_failed", extra={"exit_code": process.returncode, "stderr": await complaints})
                raise EncoderFailedError
        finally:
            await _end(process, feeder, complaints)


def mp3_arguments(*, sample_rate: int, bit_rate: int) -> list[str]:
    """Arguments that make MP3 frames, and nothing around them, of 16-bit mono samples.

    Args:
        sample_rate: Of the samples. Unit: hertz.
        bit_rate: Unit: bits in a second.
    """
    source = ffmpeg.input(
        "pipe:0",
        format="s16le",
        ar=sample_rate,
        ac=1,
        protocol_whitelist="pipe",
        format_whitelist="s16le",
        # Nothing is to be found out about raw samples, and waiting for more of them would delay the first sound.
        probesize=32,
        analyzeduration=0,
    )
    target = ffmpeg.output(
        source,
        "pipe:1",
        format="mp3",
        acodec="libmp3lame",
        audio_bitrate=bit_rate,
        write_xing=0,
        id3v2_version=0,
        threads=1,
        flush_packets=1,
    )
    # The first item is the program's name, which is decided elsewhere.
    arguments: list[str] = ffmpeg.compile(target.global_args("-hide_banner", "-nostdin", "-loglevel", "error"))[1:]
    return arguments


def _installed() -> Path:
    if found := shutil.which("ffmpeg"):
        return Path(found)
    try:
        return Path(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError as error:
        raise FfmpegError(
            "No ffmpeg was found: install it (`apt-get install ffmpeg`), or name one with MAYFLY_SYNTH_FFMPEG."
        ) from error


def _prlimit(limits: Limits) -> tuple[str, ...]:
    program = shutil.which("prlimit")
    if program is None:
        # macOS has none. The other fences stay: pipes only, a forced format, the kill on cancel and deadline.
        return ()
    return (
        program,
        f"--as={limits.memory_bytes}",
        f"--cpu={limits.cpu_seconds}",
        f"--nofile={limits.open_files}",
        "--fsize=0",
        "--core=0",
        "--",
    )


async def _feed(process: asyncio.subprocess.Process, source: AsyncIterator[bytes]) -> None:
    stdin = cast("asyncio.StreamWriter", process.stdin)
    try:
        async for block in source:
            for start in range(0, len(block), PIECE_BYTES):
                stdin.write(block[start : start + PIECE_BYTES])
                await stdin.drain()
    except (BrokenPipeError, ConnectionResetError):
        # The program ended early. Its exit code says why.
        return
    finally:
        stdin.close()


async def _complaints(process: asyncio.subprocess.Process) -> str:
    """The end of what the program says, while all of it is taken so that it never waits."""
    said = b""
    while piece := await _pipe(process.stderr).read(_COMPLAINT_BYTES):
        said = (said + piece)[-_COMPLAINT_BYTES:]
    return said.decode(errors="replace")


async def _end(process: asyncio.subprocess.Process, *tasks: asyncio.Task[object]) -> None:
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await process.wait()


def _pipe(stream: asyncio.StreamReader | None) -> asyncio.StreamReader:
    """The reading end of a pipe; the type admits None for processes that were started without it."""
    return cast("asyncio.StreamReader", stream)

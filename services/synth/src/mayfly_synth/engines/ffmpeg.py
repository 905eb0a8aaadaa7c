"""ffmpeg as a filter: bytes in through one pipe or an open file, bytes out through another pipe, nothing else.

The child can open no file and no connection (`protocol_whitelist`), is told the format of its input instead of guessing
it (see arguments.py and processing_arguments.py), has bounds on memory, processor time, files and processes
(`prlimit`), and lives in a session of its own, so that it and whatever it might start can be killed together. There is
no `preexec_fn` here: with it the interpreter would fork, and forking a process that serves gRPC corrupts it.
"""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import signal
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import imageio_ffmpeg

from mayfly_synth.domain.errors import EncoderFailedError
from mayfly_synth.engines.reports import Report

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence

PIECE_BYTES: Final = 64 * 1024
_COMPLAINT_BYTES: Final = 4096
_SMALL: Final = PIECE_BYTES // 4
# ffmpeg writes frame by frame, some hundred bytes each. Waiting a moment between reads makes few large pieces of them,
# which costs far less to send, and delays no sound that anybody could hear.
_PACE_SECONDS: Final = 0.005
# It was killed with its group. Only what left the group could still hold the pipes, and nothing that we start does.
_LAST_WORDS_SECONDS: Final = 10.0

_log = logging.getLogger("mayfly.synth.ffmpeg")


class FfmpegError(Exception):
    """There is no ffmpeg to run, or it cannot do what is needed."""


class FfmpegFailedError(Exception):
    """A run of ffmpeg ended with an error. What it worked on decides whose fault that is."""

    def __init__(self, exit_code: int) -> None:
        super().__init__(f"ffmpeg ended with {exit_code}")
        self.exit_code = exit_code

    @property
    def out_of_cpu_time(self) -> bool:
        """Whether the kernel ended it, which is what happens at the bound on processor time."""
        return self.exit_code in (-signal.SIGKILL, -signal.SIGXCPU)


@asynccontextmanager
async def own_fault() -> AsyncIterator[None]:
    """For runs over samples of our own: a failure is nobody else's.

    Raises:
        EncoderFailedError: Instead of FfmpegFailedError.
    """
    try:
        yield
    except FfmpegFailedError as error:
        raise EncoderFailedError from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one run of ffmpeg may use: a bound for what goes wrong, generous for everything else."""

    memory_bytes: int = 2 * 1024**3
    """Address space. A static build needs 300 MB to begin at all, one with shared libraries more."""
    cpu_seconds: int = 600
    """Processor time. MP3 is encoded some 300 times faster than it plays, so this is two days of speech."""
    open_files: int = 64
    processes: int = 4096
    """Processes and threads of this user, ours included: the kernel counts no other way. Ends a fork bomb."""


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

    async def seekable_input(self) -> str:
        """What the program calls a file that is its standard input, so that it can seek in it.

        Before 6.0 there was no `fd:`. Then it is a name that leads to the same file, and the demuxers that are allowed
        such an input open no other one.
        """
        async with aclosing(self.run(["-hide_banner", "-protocols"], asyncio.subprocess.DEVNULL)) as pieces:
            protocols = b"".join([piece async for piece in pieces]).split()
        return "fd:" if b"fd" in protocols else "file:/dev/fd/0"

    async def run(
        self,
        arguments: Sequence[str],
        source: AsyncIterator[bytes] | int,
        *,
        report: Report | None = None,
        watch: Callable[[Report], None] | None = None,
    ) -> AsyncGenerator[bytes, None]:
        """Send `source` through the program, and answer what comes out as it comes.

        Both pipes are served at the same time, or the program and we would wait for each other. Output that is not
        taken stops the program, and with it the taking of `source`. Closing the generator kills the program's process
        group and waits for its end.

        Args:
            arguments: Of the program.
            source: Bytes for its standard input, or the descriptor of a file that is its standard input.
            report: Takes what the program says. Whoever gives one decides what is logged.
            watch: Called when the program has said something; what it raises ends the program, and is raised here.

        Raises:
            FfmpegFailedError: If the program ended with an error.
        """
        said = Report() if report is None else report
        process = await self._start(arguments, source)
        feeder = asyncio.create_task(_feed(process, source))
        listener = asyncio.create_task(_listen(process, said, watch))
        try:
            while piece := await _pipe(process.stdout).read(PIECE_BYTES):
                yield piece
                if len(piece) < _SMALL:
                    await asyncio.sleep(_PACE_SECONDS)
            await listener
            await _check_end(process, feeder, unheard=said if report is None else None)
        finally:
            await _end(process, feeder, listener)

    async def _start(self, arguments: Sequence[str], source: AsyncIterator[bytes] | int) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *self.prefix,
            self.path,
            *arguments,
            stdin=source if isinstance(source, int) else asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )


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
        f"--nproc={limits.processes}",
        "--fsize=0",
        "--core=0",
        "--",
    )


async def _feed(process: asyncio.subprocess.Process, source: AsyncIterator[bytes] | int) -> None:
    if isinstance(source, int):
        return
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


async def _listen(process: asyncio.subprocess.Process, report: Report, watch: Callable[[Report], None] | None) -> None:
    """Take all that the program says, so that it never waits for us."""
    while piece := await _pipe(process.stderr).read(_COMPLAINT_BYTES):
        report.hear(piece)
        if watch is not None:
            try:
                watch(report)
            except Exception:
                _kill(process)
                raise


async def _check_end(
    process: asyncio.subprocess.Process, feeder: asyncio.Task[None], *, unheard: Report | None
) -> None:
    """Raise what went wrong.

    Args:
        process: It has closed its output.
        feeder: Feeds it.
        unheard: What it said, if nobody else tells it.
    """
    if (exit_code := await process.wait()) == 0 or feeder.done():
        # A source that fails ends the input, and the program with it: then that is what went wrong.
        await feeder
    if exit_code and unheard is not None:
        _log.error("ffmpeg_failed", extra={"exit_code": exit_code, "stderr": unheard.said})
    if exit_code:
        raise FfmpegFailedError(exit_code)


async def _end(process: asyncio.subprocess.Process, *tasks: asyncio.Task[None]) -> None:
    if process.returncode is None:
        _kill(process)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    # What is left in the pipes is read to its end: asyncio closes a pipe there and not before, and does not look at one
    # that is full. Its descriptor would stay open.
    async with asyncio.timeout(_LAST_WORDS_SECONDS):
        await asyncio.gather(_drained(_pipe(process.stdout)), _drained(_pipe(process.stderr)), process.wait())


async def _drained(stream: asyncio.StreamReader) -> None:
    while await stream.read(PIECE_BYTES):
        pass


def _kill(process: asyncio.subprocess.Process) -> None:
    """The whole group: the program may have started others."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _pipe(stream: asyncio.StreamReader | None) -> asyncio.StreamReader:
    """The reading end of a pipe; the type admits None for processes that were started without it."""
    return cast("asyncio.StreamReader", stream)

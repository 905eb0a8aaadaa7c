"""Processing by ffmpeg: once over the input where that is enough, twice where all of it has to be heard before.

Silent ends are cut off the finished file, if its format allows it (see results.py): then once is enough for them, too.

A temporary file is made in two cases alone: the container has its index behind its sound, or the sound is heard twice;
then the first pass already runs while the input comes. Everything else goes through pipes.
"""

from __future__ import annotations

import logging
import re
import secrets
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from mayfly_synth.domain.processing import Processed
from mayfly_synth.domain.processing_errors import AudioUnreadableError, InputTooLongError, NothingLeftError
from mayfly_synth.engines import processing_arguments as plans
from mayfly_synth.engines.containers import HEAD_BYTES, bytes_to_detect, detect
from mayfly_synth.engines.ffmpeg import FfmpegFailedError
from mayfly_synth.engines.intake import Intake
from mayfly_synth.engines.reports import Report
from mayfly_synth.engines.results import Result
from mayfly_synth.engines.scratch import ScratchFile
from mayfly_synth.engines.spool import Spool

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable

    from mayfly_runtime.offload import Offload
    from mayfly_synth.domain.processing import ProcessingLimits, Steps
    from mayfly_synth.engines.containers import Detected
    from mayfly_synth.engines.ffmpeg import Ffmpeg
    from mayfly_synth.engines.scratch import Scratch

_ALWAYS_FINE: Final = 600.0
_FEWEST_BYTES_A_SECOND: Final = 250
"""No recording that anybody would send is smaller, and everything that unpacks into a day of nothing is."""
_INEXACT: Final = 0.05
"""Seconds by which the end of the last silence may differ from the end of everything."""

_UNGUESSABLE: Final = partial(secrets.token_hex, 8)
# Said by its filters, or by its reader of Ogg, which then stops as if that were the end.
_CHANGED: Final = re.compile(
    rb"Changing audio frame properties on the fly|(?:Channel|Sample rate) change is not supported"
)

_log = logging.getLogger("mayfly.synth.processing")


class FfmpegProcessor:
    """An `AudioProcessor` through ffmpeg."""

    def __init__(
        self,
        ffmpeg: Ffmpeg,
        *,
        scratch: Scratch,
        limits: ProcessingLimits,
        offload: Offload,
        file_input: str = "fd:",
        marks: Callable[[], str] = _UNGUESSABLE,
    ) -> None:
        """Take ready parts.

        Args:
            ffmpeg: With the bounds of one run.
            file_input: What ffmpeg calls a file that is its standard input; see `Ffmpeg.seekable_input`.
            scratch: Where temporary files lie.
            limits: Of an input and its result.
            offload: Where files are written.
            marks: Makes the mark by which each run's own filters are known; see reports.py.
        """
        self._ffmpeg = ffmpeg
        self._scratch = scratch
        self._limits = limits
        self._offload = offload
        self._file_input = file_input
        self._marks = marks

    async def process(self, source: AsyncIterator[bytes], steps: Steps) -> Processed:
        """Process one input; see `AudioProcessor`."""
        intake = Intake(source, max_bytes=self._limits.max_input_bytes)
        wanted = bytes_to_detect(await intake.head(HEAD_BYTES))
        detected = detect(await intake.head(wanted))
        job = _Job(detected, steps, intake)
        if not (detected.needs_seeking or steps.measures_first):
            async with aclosing(intake.pieces()) as pieces:
                return await self._rendered(job, pieces, measured=None)
        # Opening blocks for a moment; in a thread, a cancelled call would leave the file open.
        with self._scratch.file() as file:
            spool = Spool(intake, file, offload=self._offload)
            if detected.needs_seeking:
                await spool.fill()
            measured = await self._measured(job, spool) if steps.measures_first else None
            if measured and steps.trim_silence and steps.loudness_lufs is not None:
                measured = await self._leveled(job, file, measured)
            return await self._rendered(job, file, measured=measured)

    async def _measured(self, job: _Job, spool: Spool) -> plans.Measured:
        """Hear everything, and fill the file meanwhile if it is not full yet."""
        steps, report = job.steps, Report(self._marks())
        given = plans.measuring(job.detected.container, steps, self._limits, where=self._where(job), mark=report.mark)
        async with aclosing(spool.pieces()) as coming:
            source = spool.file.rewind() if job.detected.needs_seeking else coming
            async with aclosing(self._run(given, source, report, job.intake)) as pieces:
                async for _ in pieces:
                    pass
        await spool.fill()
        rate, heard = self._heard(report)
        length = _length(steps, heard)
        start, to = _ends(report, length) if steps.trim_silence else (0.0, None)
        return plans.Measured(sample_rate=rate, duration=heard, keep_from=start, keep_to=to, loudness=report.loudness)

    async def _leveled(self, job: _Job, file: ScratchFile, kept: plans.Measured) -> plans.Measured:
        """Hear what is kept, for its loudness."""
        report = Report(self._marks())
        given = plans.measuring(
            job.detected.container, job.steps, self._limits, where=self._where(job), kept=kept, mark=report.mark
        )
        async with aclosing(self._run(given, file.rewind(), report, job.intake)) as pieces:
            async for _ in pieces:
                pass
        return replace(kept, loudness=report.loudness)

    async def _rendered(
        self, job: _Job, source: AsyncIterator[bytes] | ScratchFile, *, measured: plans.Measured | None
    ) -> Processed:
        report, result = Report(self._marks()), Result(max_bytes=self._limits.max_output_bytes)
        given = plans.rendering(
            job.detected.container,
            job.steps,
            self._limits,
            where=self._where(job),
            measured=measured,
            mark=report.mark,
        )
        stdin = source.rewind() if isinstance(source, ScratchFile) else source
        async with aclosing(self._run(given, stdin, report, job.intake)) as pieces:
            async for piece in pieces:
                result.add(piece)
        await job.intake.drain()
        _, heard = self._heard(report)
        return _finished(job, report, result, heard=heard if measured is None else measured.duration)

    def _where(self, job: _Job) -> str:
        """A file that need not be sought in is read like a pipe."""
        return self._file_input if job.detected.needs_seeking else plans.PIPE

    def _heard(self, report: Report) -> tuple[int, float]:
        """The input's sample rate, and how many seconds of it were heard."""
        samples, rate = report.samples.get("in", 0), report.rates.get("in")
        if not samples or not rate:
            raise AudioUnreadableError("no sound could be decoded from it.")
        if samples / rate > self._limits.max_duration.total_seconds():
            raise InputTooLongError(max_duration=self._limits.max_duration)
        return rate, samples / rate

    async def _run(
        self, given: list[str], source: AsyncIterator[bytes] | int, report: Report, intake: Intake
    ) -> AsyncGenerator[bytes, None]:
        """Run ffmpeg. What it fails at is the input's fault: it could write everything at the start."""

        def watch(report: Report) -> None:
            if report.progress > _ALWAYS_FINE and report.progress * _FEWEST_BYTES_A_SECOND > intake.size:
                why = f"Its {intake.size:,} bytes unpack into more than {report.progress / 60:.0f} minutes."
                raise InputTooLongError(max_duration=self._limits.max_duration, why=why)

        try:
            async with aclosing(self._ffmpeg.run(given, source, report=report, watch=watch)) as pieces:
                async for piece in pieces:
                    yield piece
        except FfmpegFailedError as error:
            _log.info("audio_unreadable", extra={"exit_code": error.exit_code})
            if error.out_of_cpu_time:
                why = "It takes more work than one call may."
                raise InputTooLongError(max_duration=self._limits.max_duration, why=why) from error
            _refuse_changes(report)
            raise AudioUnreadableError("it is damaged, or holds no sound of a usual kind.") from error
        _refuse_changes(report)


@dataclass(frozen=True, slots=True)
class _Job:
    detected: Detected
    steps: Steps
    intake: Intake


def _refuse_changes(report: Report) -> None:
    """The result could have only one rate and so many channels, and what was counted and heard would be of a part."""
    if _CHANGED.search(report.kept):
        raise AudioUnreadableError("its sample rate or its channels change within it.")


def _length(steps: Steps, heard: float) -> float:
    """How many seconds of an input the cut leaves."""
    end = heard if steps.end is None else min(heard, steps.end.total_seconds())
    length = end - steps.start.total_seconds()
    if length <= 0:
        raise NothingLeftError
    return length


def _ends(report: Report, length: float) -> tuple[float, float | None]:
    """Where the sound begins and ends; None: at the end of the input."""
    trailing = report.trailing_silence
    if trailing is not None and report.trailing_end is not None and report.trailing_end < length - _INEXACT:
        trailing = None
    if trailing == 0.0:
        raise NothingLeftError
    return plans.kept_between(report.leading_silence, trailing, length)


def _kept(steps: Steps, report: Report, *, samples: int, rate: int, heard: float) -> range:
    """Which samples of the result stay."""
    length = _length(steps, heard)
    if not steps.trims_last:
        return range(samples)
    start, to = _ends(report, length)
    return range(round(start * rate), samples if to is None else min(round(to * rate), samples))


def _finished(job: _Job, report: Report, result: Result, *, heard: float) -> Processed:
    samples, rate, steps = report.samples.get("out", 0), report.rates.get("out"), job.steps
    if not samples or not result.size or not rate:
        raise NothingLeftError
    kept = _kept(steps, report, samples=samples, rate=rate, heard=heard)
    if not kept:
        raise NothingLeftError
    whole = steps.end is None or heard < steps.end.total_seconds()
    return Processed(
        data=result.finished(steps.format, samples=samples, kept=kept),
        format=steps.format,
        duration=timedelta(seconds=len(kept) / rate),
        source=job.detected.container,
        source_size_bytes=job.intake.size,
        source_duration=timedelta(seconds=heard) if whole else None,
        loudness=report.loudness,
    )

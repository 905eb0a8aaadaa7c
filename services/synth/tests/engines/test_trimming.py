"""Silence at the ends goes, in one pass or in two, and what is heard of the result is what was between them."""

from __future__ import annotations

import asyncio
import struct
from contextlib import aclosing
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from mayfly_runtime.offload import Offload
from mayfly_synth.domain.formats import AudioFormat
from mayfly_synth.domain.processing import ProcessingLimits, Steps
from mayfly_synth.domain.processing_errors import NothingLeftError, ScratchForbiddenError
from mayfly_synth.engines import mp3, mp3_cuts
from mayfly_synth.engines.ffmpeg import Ffmpeg
from mayfly_synth.engines.processing import FfmpegProcessor
from mayfly_synth.engines.scratch import Scratch
from mayfly_synth.testing_processing import RATE, converted, pieces, silence, tone, wav, wave_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    Samples = np.ndarray[Any, np.dtype[np.int16]]

RAW = {AudioFormat.PCM: "s16le", AudioFormat.MULAW: "mulaw", AudioFormat.ALAW: "alaw"}
CUTTABLE = [each for each in AudioFormat if each.is_cuttable]
# Seconds of silence before and after the sound, and of those what stays.
ENDS = [
    (1.0, 1.5, 0.1, 0.1),
    (0.0, 1.0, 0.0, 0.1),
    (1.0, 0.0, 0.1, 0.0),
    (0.0, 0.0, 0.0, 0.0),
    (0.15, 0.15, 0.15, 0.15),
    (0.05, 3.0, 0.05, 0.1),
    (7.3, 0.21, 0.1, 0.1),
]
# Sample rate, channels, kbit/s: of either kind of MPEG, with and without padding bytes, and of the smallest frames.
MP3S = [
    *((16_000, 1, 64), (8_000, 1, 16), (24_000, 1, 16), (22_050, 1, 64), (24_000, 2, 160)),
    *((44_100, 1, 32), (44_100, 2, 128)),
]


@pytest.fixture
async def here(program: Path, tmp_path: Path) -> AsyncIterator[FfmpegProcessor]:
    """A processor that can make no temporary file: its folder is none."""
    occupied = tmp_path / "occupied"
    occupied.touch()
    limits, disk = ProcessingLimits(), Offload(name="scratch", workers=1, queue=4)
    scratch = Scratch.in_folders([occupied], max_bytes=limits.max_input_bytes)
    yield FfmpegProcessor(Ffmpeg.find(program), scratch=scratch, limits=limits, offload=disk)
    await disk.shutdown()


async def decoded(program: Path, data: bytes, *, folder: Path, rate: int, kind: str | None = None) -> Samples:
    """What a decoder makes of the first channel of a file. Of MP3 in a pipe it would not cut the padding off."""
    path = folder / "made"
    path.write_bytes(data)
    source = [*(("-f", kind, "-ar", str(rate)) if kind else ()), "-i", str(path)]
    given = ["-v", "error", *source, "-af", "pan=mono|c0=c0", "-f", "s16le", "pipe:1"]
    async with aclosing(Ffmpeg.find(program).run(given, asyncio.subprocess.DEVNULL)) as heard:
        return np.frombuffer(b"".join([piece async for piece in heard]), "<i2")


def sound_of(samples: Samples, rate: int) -> tuple[float, float]:
    """Where its tone begins and ends. Unit: seconds."""
    loud = np.flatnonzero(np.abs(samples.astype(int)) > 1_000)
    return loud[0] / rate, (loud[-1] + 1) / rate


@pytest.mark.parametrize("audio_format", CUTTABLE)
@pytest.mark.parametrize("ends", ENDS)
async def test_what_is_heard_begins_and_ends_around_the_sound(
    here: FfmpegProcessor,
    program: Path,
    tmp_path: Path,
    audio_format: AudioFormat,
    ends: tuple[float, float, float, float],
) -> None:
    before, after, first, last = ends
    data = wav(silence(before) + tone(1) + silence(0.8) + tone(0.5) + silence(after))
    rate = audio_format.nearest_rate(16_000)

    made = await here.process(pieces(data), Steps(format=audio_format, trim_silence=True, sample_rate=rate))
    heard = await decoded(program, made.data, folder=tmp_path, rate=rate, kind=RAW.get(audio_format))

    assert made.duration.total_seconds() == pytest.approx(first + 2.3 + last, abs=0.001)
    assert len(heard) / rate == pytest.approx(made.duration.total_seconds(), abs=1e-6)
    # An encoder of MP3 rings a little before and after a tone.
    assert sound_of(heard, rate) == pytest.approx((first, first + 2.3), abs=0.006)


@pytest.mark.parametrize(("before", "after"), [(1.0, 1.5), (0.0, 0.4), (0.15, 0.0)])
async def test_one_pass_makes_of_it_what_two_make(
    here: FfmpegProcessor, program: Path, processor: FfmpegProcessor, tmp_path: Path, before: float, after: float
) -> None:
    data = wav(silence(before) + tone(1.3) + silence(after))
    once, twice = (Steps(format=each, trim_silence=True) for each in (AudioFormat.WAV, AudioFormat.FLAC))

    cut = await here.process(pieces(data), once)
    trimmed = await processor.process(pieces(data), twice)

    assert not once.measures_first
    assert twice.measures_first
    heard = [await decoded(program, made.data, folder=tmp_path, rate=RATE) for made in (cut, trimmed)]
    assert np.array_equal(*heard)


async def test_a_file_that_is_cut_keeps_its_channels_and_its_tags_however_long(here: FfmpegProcessor) -> None:
    said = b"AI-generated speech " * 20_000
    tag = struct.pack("<4sI4s4sI", b"LIST", len(said) + 12, b"INFO", b"ICMT", len(said)) + said
    data = wav(silence(2) + tone(2) + silence(2), channels=2)

    made = await here.process(pieces(data[:36] + tag + data[36:]), Steps(format=AudioFormat.WAV, trim_silence=True))

    assert said.strip() in made.data
    assert wave_of(made.data) == (2, RATE, pytest.approx(1.2, abs=0.001))


@pytest.mark.parametrize("audio_format", CUTTABLE)
async def test_of_a_cut_that_holds_no_sound_nothing_is_left(here: FfmpegProcessor, audio_format: AudioFormat) -> None:
    data = wav(silence(2) + tone(1) + silence(2))
    steps = Steps(format=audio_format, trim_silence=True, sample_rate=8_000)

    for start, end in ((0, 1.5), (3.5, None), (9, None)):
        until = None if end is None else timedelta(seconds=end)
        with pytest.raises(NothingLeftError):
            await here.process(pieces(data), replace(steps, start=timedelta(seconds=start), end=until))


async def test_what_has_to_be_heard_twice_needs_a_file(here: FfmpegProcessor) -> None:
    data = wav(silence(1) + tone(1) + silence(1))

    for steps in (Steps(format=AudioFormat.OPUS, trim_silence=True), Steps(trim_silence=True, loudness_lufs=-20.0)):
        with pytest.raises(ScratchForbiddenError):
            await here.process(pieces(data), steps)


@pytest.mark.parametrize(("rate", "channels", "kbps"), MP3S)
async def test_an_mp3_that_is_cut_decodes_to_the_very_samples_of_the_whole(
    program: Path, tmp_path: Path, rate: int, channels: int, kbps: int
) -> None:
    """Noise fills the frames, and silence the reservoir, so that what stays needs data of what goes."""
    options = ("-ar", f"{rate}", "-ac", f"{channels}", "-b:a", f"{kbps}k")
    bare = ("-write_xing", "0", "-id3v2_version", "0", "-f", "mp3")
    frames = converted(program, wav(noise(4, loud=(1.0, 3.0))), *options, *bare, folder=tmp_path)
    whole = await decoded(program, of_samples(frames, range(4 * rate)), folder=tmp_path, rate=rate)
    assert len(whole) == 4 * rate

    for start, stop in ((0, 4), (0.01, 3.99), (0.9, 3.1), (1, 2), (2.5, 4), (3.3, 3.4)):
        kept = range(round(start * rate), round(stop * rate))
        heard = await decoded(program, of_samples(frames, kept), folder=tmp_path, rate=rate)
        assert np.array_equal(heard, whole[kept.start : kept.stop]), kept


def noise(seconds: float, *, loud: tuple[float, float]) -> bytes:
    """The same one each time, near silence but for a part."""
    samples = np.random.default_rng(7).normal(scale=8_000, size=round(seconds * RATE)).clip(-30_000, 30_000)
    time = np.arange(len(samples)) / RATE
    return (samples * np.where((time >= loud[0]) & (time < loud[1]), 1, 0.001)).astype("<i2").tobytes()


def of_samples(frames: bytes, kept: range) -> bytes:
    """A file of some of the samples that are in frames."""
    first = mp3.FrameHeader.parse(frames[:4])
    left = mp3_cuts.cut(memoryview(frames), first, kept)
    size = first.info.size + left.size
    info = mp3.info_frame(first, frames=left.count, size=size, samples=len(kept), delay=left.delay)
    return b"".join((info, *left.parts))

"""Files that lie about themselves, and little that unpacks into much: the cost is bounded.

Every file goes through the system's ffmpeg and through the one of the wheel.
"""

from __future__ import annotations

import asyncio
import random
import resource
import struct
import sys
import zlib
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import imageio_ffmpeg
import pytest

from mayfly_runtime.offload import Offload
from mayfly_synth.domain.formats import AudioFormat
from mayfly_synth.domain.processing import ProcessingLimits, Steps
from mayfly_synth.domain.processing_errors import (
    AudioUnreadableError,
    InputTooLongError,
    ProcessingError,
    ResultTooLargeError,
)
from mayfly_synth.engines.ffmpeg import Ffmpeg, Limits
from mayfly_synth.engines.processing import FfmpegProcessor
from mayfly_synth.engines.scratch import Scratch
from mayfly_synth.testing_processing import SOUND, box, children_of, converted, pieces, silence, wav

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="prlimit is Linux's")

WHEEL = Path(imageio_ffmpeg.get_ffmpeg_exe())
STEPS = (Steps(), Steps(trim_silence=True), Steps(loudness_lufs=-20.0))
MOST_CPU = 5.0
"""Seconds."""
MOST_MEMORY = 256 * 1024 * 1024


def lies(folder: Path) -> dict[str, bytes]:
    """Files by what they lie about."""
    rng = random.Random(7)  # noqa: S311 - always the same holes
    kinds = {"wav": SOUND} | {
        kind: converted(WHEEL, SOUND, *arguments, folder=folder) for kind, arguments in _KINDS.items()
    }
    return {
        **_strangers(rng),
        **_wavs(),
        **_mp4s(kinds["m4a"]),
        **_others(kinds),
        **{f"half of {kind}": data[: len(data) // 2] for kind, data in kinds.items()},
        **{f"{kind} with holes": _holed(data, rng) for kind, data in kinds.items()},
    }


_KINDS = {
    "m4a": ("-c:a", "aac", "-f", "ipod"),
    "flac": ("-f", "flac"),
    "ogg": ("-c:a", "libopus", "-f", "ogg"),
    "mp3": ("-f", "mp3"),
    "webm": ("-c:a", "libopus", "-f", "webm"),
    "aiff": ("-f", "aiff"),
    "caf": ("-f", "caf"),
}


def _strangers(rng: random.Random) -> dict[str, bytes]:
    return {
        "nothing": b"",
        "one byte": b"R",
        "zeros": bytes(1_000_000),
        "noise": rng.randbytes(100_000),
        "an image": b"\x89PNG\r\n\x1a\n" + bytes(1_000),
        "a photo": b"\xff\xd8\xff\xe0\0\x10JFIF" + bytes(1_000),
        "a moving image": b"GIF89a" + bytes(1_000),
        "a document": b"%PDF-1.7\n" + bytes(1_000),
        "an archive": b"PK\x03\x04" + bytes(1_000),
        "compressed zeros": b"\x1f\x8b" + zlib.compress(bytes(10_000_000)),
        "a program": b"\x7fELF" + bytes(1_000),
        "a page": b"<!DOCTYPE html><audio src=/etc/passwd>",
        "raw AAC": b"\xff\xf1\x50\x80" + bytes(1_000),
    }


def _wavs() -> dict[str, bytes]:
    return {
        "WAV without channels": _poked(SOUND, 22, "<H", 0),
        "WAV of 65,535 channels": _poked(SOUND, 22, "<H", 65_535),
        "WAV of no rate": _poked(SOUND, 24, "<I", 0),
        "WAV of the largest rate": _poked(SOUND, 24, "<I", 2**32 - 1),
        "WAV of no block": _poked(SOUND, 32, "<H", 0),
        "WAV of no bits": _poked(SOUND, 34, "<H", 0),
        "WAV of 65,535 bits": _poked(SOUND, 34, "<H", 65_535),
        "WAV of an unknown codec": _poked(SOUND, 20, "<H", 0xBEEF),
        "WAV that is longer than it is": _poked(SOUND, 40, "<I", 2**32 - 1),
        "WAV without samples": SOUND[:44],
        "WAV with a head of 2 GB": _poked(SOUND, 16, "<I", 2**31 - 1),
        "RF64 of 2^63 bytes": b"RF64\xff\xff\xff\xffWAVEds64"
        + struct.pack("<IQQQI", 28, 2**63, 2**63, 2**63, 2**30)
        + SOUND[12:],
    }


def _mp4s(m4a: bytes) -> dict[str, bytes]:
    return {
        "MP4 with a box of 2^63 bytes": m4a[:32] + b"\0\0\0\x01mdat" + struct.pack(">Q", 2**63 - 1) + m4a[32:],
        "MP4 with a box of no bytes": box(b"ftyp", b"M4A \0\0\0\0") + b"\0\0\0\x04moov" + bytes(1_000),
        "MP4 of 4 billion samples": _poked(m4a, m4a.index(b"stsz") + 12, ">I", 2**32 - 1),
        "MP4 with samples of 2 GB": _poked(m4a, m4a.index(b"stsz") + 8, ">I", 2**31 - 1),
        "MP4 of 4 billion chunks": _poked(m4a, m4a.index(b"stco") + 8, ">I", 2**32 - 1),
        "MP4 in 50,000 boxes": box(b"ftyp", b"M4A \0\0\0\0") + _nested(50_000),
        "MP4 whose index is all there is": m4a[:28] + m4a[m4a.index(b"moov") - 4 :],
    }


def _others(kinds: dict[str, bytes]) -> dict[str, bytes]:
    flac, mp3, ogg, webm, aiff, caf = (kinds[kind] for kind in ("flac", "mp3", "ogg", "webm", "aiff", "caf"))
    return {
        "FLAC of no rate": flac[:18] + bytes(8) + flac[26:],
        "FLAC with a picture of 16 MB": flac[:4] + b"\x06\xff\xff\xff" + flac[4:],
        "MP3 with a tag of 256 MB": b"ID3\x04\0\0\x7f\x7f\x7f\x7f" + mp3,
        "MP3 of one frame": mp3[mp3.index(b"\xff\xfb") :][:200],
        "Ogg of a lonely page": ogg[:60],
        "Ogg with a picture instead of sound": ogg.replace(b"OpusHead", b"\x80theora"),
        "WebM of 2^56 bytes": webm.replace(
            b"\x18\x53\x80\x67\x01", b"\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff"
        ),
        "Matroska that is no WebM": webm.replace(b"webm", b"matr", 1),
        "AIFF of no rate": _poked(aiff, aiff.index(b"COMM") + 16, ">H", 0),
        "AIFF of 2 GB": _poked(aiff, aiff.index(b"SSND") + 4, ">I", 2**31 - 1),
        "CAF of no rate": _poked(caf, 20, ">Q", 0),
        "CAF of 2^63 bytes": _poked(caf, caf.index(b"data") + 4, ">Q", 2**63 - 1),
    }


def _poked(data: bytes, at: int, form: str, value: int) -> bytes:
    return data[:at] + struct.pack(form, value) + data[at + struct.calcsize(form) :]


def _nested(depth: int) -> bytes:
    sizes = range(8 * depth, 0, -8)
    return b"".join(struct.pack(">I4s", size, b"moov" if size == 8 * depth else b"udta") for size in sizes)


def _holed(data: bytes, rng: random.Random) -> bytes:
    holed = bytearray(data)
    for _ in range(200):
        holed[rng.randrange(16, len(data))] = rng.randrange(256)
    return bytes(holed)


@pytest.mark.parametrize("steps", STEPS, ids=["one pass", "trimmed", "two passes"])
async def test_lies_cost_no_more_than_the_truth(
    processor: FfmpegProcessor, program: Path, tmp_path: Path, steps: Steps
) -> None:
    files = lies(tmp_path)
    assert len(files) >= 40
    heard = 0
    async with watched(program):
        for what, data in files.items():
            before = _cpu()
            try:
                made = await processor.process(pieces(data), steps)
            except ProcessingError:
                pass
            else:
                heard += 1
                assert made.duration < timedelta(seconds=30), what
            assert _cpu() - before < MOST_CPU, what
    assert 0 < heard < len(files)


# Bombs: little that unpacks into much.


async def test_hours_of_nothing_are_refused_before_they_are_heard(
    processor: FfmpegProcessor, program: Path, tmp_path: Path
) -> None:
    grown = ("-af", "apad=whole_dur=3600", "-ar", "44100", "-ac", "2", "-frame_size", "16384")
    before = _cpu()
    bomb = converted(WHEEL, wav(silence(1)), *grown, "-f", "flac", folder=tmp_path)
    making = _cpu() - before
    unpacked = 3_600 * 44_100 * 4
    assert unpacked > 1_000 * len(bomb)

    async with watched(program):
        for steps in STEPS:
            before = _cpu()
            with pytest.raises(InputTooLongError, match="unpack into more than"):
                await processor.process(pieces(bomb), steps)
            # Beside what the same machine needed to make it. To hear all of it would take four times that.
            assert _cpu() - before < 2 * making


async def test_a_short_input_with_a_large_output_is_refused_at_the_bound(processor: FfmpegProcessor) -> None:
    eight_minutes = wav(silence(480))
    as_wav = Steps(sample_rate=48_000, format=AudioFormat.WAV)

    with pytest.raises(ResultTooLargeError):
        await processor.process(pieces(eight_minutes), as_wav)


async def test_what_takes_too_much_work_is_ended(tmp_path: Path) -> None:
    ffmpeg = Ffmpeg.find(limits=Limits(memory_bytes=1024**3, cpu_seconds=1))
    disk = Offload(name="scratch", workers=1, queue=4)
    scratch = Scratch.in_folders([tmp_path], max_bytes=10**8)
    costly = Steps(sample_rate=48_000, loudness_lufs=-16.0)
    try:
        processor = FfmpegProcessor(ffmpeg, scratch=scratch, limits=ProcessingLimits(), offload=disk)
        with pytest.raises(InputTooLongError, match="more work than one call may"):
            await processor.process(pieces(wav(silence(1_000))), costly)
    finally:
        await disk.shutdown()


async def test_a_source_that_never_ends_is_ended_by_whoever_waits(processor: FfmpegProcessor) -> None:
    async def endless() -> AsyncIterator[bytes]:
        yield SOUND
        await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await processor.process(endless(), Steps())


async def test_an_unreadable_file_says_what_it_is_instead(processor: FfmpegProcessor) -> None:
    for data, told in ((b"#EXTM3U\n#EXTINF:1,\n", "playlist"), (b"\x89PNG" + bytes(20), "image"), (b"", "empty")):
        with pytest.raises(AudioUnreadableError, match=told):
            await processor.process(pieces(data), Steps())


def _cpu() -> float:
    """Processor time of this process and of every child that has ended."""
    return sum(
        usage.ru_utime + usage.ru_stime
        for usage in (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    )


@asynccontextmanager
async def watched(program: Path) -> AsyncIterator[None]:
    """The program's memory stays within its bound, looked at a hundred times a second."""
    peaks = [0]

    async def look() -> None:
        while True:
            peaks.extend(memory_of(program))
            await asyncio.sleep(0.01)

    looking = asyncio.create_task(look())
    try:
        yield
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
    assert looking.cancelled(), "it looked to the end"
    assert 0 < max(peaks) < MOST_MEMORY


def memory_of(program: Path) -> list[int]:
    """The most memory that each child that is this program has had so far. Unit: bytes."""
    found = []
    for pid in children_of():
        with suppress(OSError):
            if Path(f"/proc/{pid}/exe").samefile(program):
                told = Path(f"/proc/{pid}/status").read_text()
                found += [int(line.split()[1]) * 1024 for line in told.splitlines() if line.startswith("VmHWM")]
    return found

"""Processing of 50 MB by ProcessAudio, beside the same ffmpeg from file to file; and memory.

Ours takes the bytes as a stream of messages, checks their sum, runs ffmpeg in its fences, puts the result to storage
and answers a link; bare ffmpeg reads a file and writes one. Both run the same program with one thread. By hand, silence
is trimmed in two runs, the first of which hears where it ends and begins; or in one, which turns the sound round to
trim its end, and holds all of it in memory. Ours is one run that turns nothing round. The client, synth, storage and
ffmpeg share the cores. A round does both ways in turn. Memory is the most that synth ever had, without ffmpeg: after
the rounds, less what it had before.
"""

from __future__ import annotations

import asyncio
import subprocess
import time
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Final

from bench.memory import peak_of
from bench.report import Row
from bench.storage_set import running, storage_set
from mayfly_client import AsyncClient
from mayfly_synth.engines.ffmpeg import Ffmpeg
from tools.stack.programs import Backend, synth

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ROUNDS: Final = 5
MEGABYTES: Final = 50
MOST_MIB: Final = 100.0
_RATE: Final = 44_100
_PROGRAM: Final = Ffmpeg.find().path
_FOR_A_TRANSCRIBER: Final = (
    *("-threads", "1", "-ac", "1", "-ar", "16000"),
    *("-c:a", "libmp3lame", "-b:a", "64k", "-f", "mp3"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """Something to do with a recording, by us and by hand."""

    name: str
    suffix: str
    preset: str
    bare: Callable[[Path], None]


def ffmpeg(*arguments: str) -> str:
    """Run it; what it says."""
    command = [str(_PROGRAM), "-hide_banner", "-nostdin", "-y", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stderr


def transcoded(source: Path) -> None:
    """To MP3, as it is."""
    written = ("-threads", "1", "-c:a", "libmp3lame", "-b:a", "128k", "-f", "mp3")
    ffmpeg("-threads", "1", "-i", str(source), *written, f"{source}.out")


def trimmed_in_two_runs(source: Path) -> None:
    """To what a transcriber takes: heard once for its silence, then cut and written."""
    hear = "aformat=channel_layouts=mono,silencedetect=n=-45dB:d=0.2"
    assert "silence_end" in ffmpeg("-threads", "1", "-i", str(source), "-af", hear, "-f", "null", "-")
    ffmpeg("-threads", "1", "-i", str(source), "-ss", "1.9", *_FOR_A_TRANSCRIBER, f"{source}.out")


def trimmed_in_one_run(source: Path) -> None:
    """To the same: each end is cut while it is the first one."""
    start = "silenceremove=start_periods=1:start_threshold=-45dB:start_silence=0.1:detection=peak"
    cut = f"aformat=channel_layouts=mono,{start},areverse,{start},areverse"
    ffmpeg("-threads", "1", "-i", str(source), "-af", cut, *_FOR_A_TRANSCRIBER, f"{source}.out")


WAYS: Final = (
    Way(name="WAV to MP3", suffix="wav", preset="transcoded", bare=transcoded),
    Way(name="M4A with its index last to MP3", suffix="m4a", preset="transcoded", bare=transcoded),
    Way(name="WAV to speech-to-text", suffix="wav", preset="speech-to-text", bare=trimmed_in_two_runs),
    Way(name="the same, by hand in one run", suffix="wav", preset="speech-to-text", bare=trimmed_in_one_run),
)


def recording(folder: Path, suffix: str) -> Path:
    """A file of 50 MB: noise that swells like a voice, and silence at both ends."""
    path = folder / f"recording.{suffix}"
    seconds = MEGABYTES * 1_000_000 / (_RATE * 4)
    sound = f"anoisesrc=c=pink:r={_RATE}:a=0.3:seed=7:d={seconds - 4:.3f},tremolo=f=3:d=0.9"
    written = ("-af", "adelay=2000:all=1,apad=pad_dur=2", "-ac", "2")
    # Lossless, so that this one has the size, too.
    codec = ("-c:a", "pcm_s16le") if suffix == "wav" else ("-c:a", "alac", "-f", "ipod")
    ffmpeg("-f", "lavfi", "-i", sound, *written, *codec, str(path))
    return path


def seconds_of(work: Callable[[], object]) -> float:
    """How long it takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


async def seconds_of_ours(client: AsyncClient, source: Path, preset: str) -> float:
    """How long ours takes, to the answer with the link."""
    bit_rate = 128_000 if preset == "transcoded" else 64_000
    began = time.perf_counter()
    made = await client.process_audio(source, preset=preset, bit_rate_bps=bit_rate, timeout=300)
    assert made.url
    return time.perf_counter() - began


def size_of(path: Path) -> float:
    """Unit: MB."""
    return path.stat().st_size / 1_000_000


async def speed(client: AsyncClient, way: Way, source: Path) -> Row:
    """Megabytes of input in a second, ours through bare ffmpeg's of the same round."""
    rounds = [
        (await seconds_of_ours(client, source, way.preset), seconds_of(lambda: way.bare(source))) for _ in range(ROUNDS)
    ]
    limit = size_of(source) / median(bare for _, bare in rounds)
    return Row(
        name=f"{MEGABYTES} MB, {way.name}",
        unit="MB/s",
        measured=limit * median(bare / ours for ours, bare in rounds),
        limit=limit,
        limit_name="bare ffmpeg, file to file",
        goal=0.9,
        higher_is_better=True,
    )


def memory_row(name: str, grown: float) -> Row:
    """How much memory a request took."""
    return Row(
        name=f"synth's memory for {MEGABYTES} MB, {name}",
        unit="MiB",
        measured=grown,
        limit=MOST_MIB,
        limit_name="what a request may take",
        goal=1.0,
        higher_is_better=False,
    )


async def measure(folder: Path, pid: int, storage: str, address: str) -> list[Row]:
    """Everything, one after the other."""
    rows = []
    async with AsyncClient(storage=storage, synth=address) as client:
        await client.voices()
        for way in WAYS:
            source = recording(folder, way.suffix)
            before = peak_of(pid)
            rows += [await speed(client, way, source), memory_row(way.name, peak_of(pid) - before)]
    return rows


def run() -> list[Row]:
    """Start what is needed, and measure."""
    with storage_set(Backend.EMBEDDED) as started, running(synth(started.layout), started.layout) as service:
        address = started.layout.address("synth")
        return asyncio.run(measure(started.folder, service.pid, started.address, address))

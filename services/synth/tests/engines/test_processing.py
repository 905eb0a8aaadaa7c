"""What ffmpeg makes of what somebody sends: of every container, by the system's ffmpeg and by the one of the wheel."""

from __future__ import annotations

import struct
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import imageio_ffmpeg
import pytest

from mayfly_runtime.offload import Offload
from mayfly_synth.domain.formats import AudioFormat
from mayfly_synth.domain.processing import Container, ProcessingLimits, Steps
from mayfly_synth.domain.processing_errors import (
    AudioUnreadableError,
    InputTooLargeError,
    NothingLeftError,
    ResultTooLargeError,
)
from mayfly_synth.engines.ffmpeg import Ffmpeg, Limits
from mayfly_synth.engines.processing import FfmpegProcessor
from mayfly_synth.engines.scratch import Scratch
from mayfly_synth.testing_processing import RATE, SOUND, converted, pieces, silence, tone, wav, wave_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from mayfly_synth.domain.processing import Processed

    Process = Callable[..., Awaitable[Processed]]

BUNDLED = Path(imageio_ffmpeg.get_ffmpeg_exe())
CONTAINERS = {
    "wav": ("-f", "wav"),
    "wav-24-bits": ("-c:a", "pcm_s24le", "-f", "wav"),
    "mp3": ("-f", "mp3"),
    "m4a-index-last": ("-c:a", "aac", "-f", "ipod"),
    "m4a-index-first": ("-c:a", "aac", "-movflags", "+faststart", "-f", "ipod"),
    "m4a-alac": ("-c:a", "alac", "-f", "ipod"),
    "caf": ("-c:a", "pcm_s16be", "-f", "caf"),
    "caf-index-last": ("-c:a", "alac", "-f", "caf"),
    "flac": ("-f", "flac"),
    "ogg-opus": ("-c:a", "libopus", "-f", "ogg"),
    "ogg-vorbis": ("-c:a", "libvorbis", "-f", "ogg"),
    "aiff": ("-f", "aiff"),
    "webm": ("-c:a", "libopus", "-f", "webm"),
}


@pytest.fixture
async def process(program: Path, tmp_path: Path) -> AsyncIterator[Process]:
    ffmpeg = Ffmpeg.find(program, limits=Limits(memory_bytes=1024**3, cpu_seconds=60))
    disk = Offload(name="scratch", workers=1, queue=4)
    file_input = await ffmpeg.seekable_input()

    async def run(data: bytes, steps: Steps, **bounds: Any) -> Processed:
        bounded = ProcessingLimits(**bounds)
        scratch = Scratch.in_folders([tmp_path], max_bytes=bounded.max_input_bytes)
        processor = FfmpegProcessor(ffmpeg, scratch=scratch, limits=bounded, offload=disk, file_input=file_input)
        return await processor.process(pieces(data), steps)

    yield run
    await disk.shutdown()


@pytest.mark.parametrize("kind", CONTAINERS)
async def test_every_container_is_told_by_its_content_and_heard(process: Process, kind: str, tmp_path: Path) -> None:
    data = converted(BUNDLED, SOUND, *CONTAINERS[kind], folder=tmp_path)

    made = await process(data, Steps(format=AudioFormat.WAV))

    assert made.source is Container(kind.partition("-")[0])
    assert made.source_size_bytes == len(data)
    assert made.source_duration is not None
    assert wave_of(made.data)[2] == pytest.approx(4.5, abs=0.15)
    assert made.duration.total_seconds() == pytest.approx(wave_of(made.data)[2], abs=0.001)


@pytest.mark.parametrize("kind", CONTAINERS)
async def test_silence_at_the_ends_is_removed_and_a_little_is_left(process: Process, kind: str, tmp_path: Path) -> None:
    data = converted(BUNDLED, SOUND, *CONTAINERS[kind], folder=tmp_path)

    made = await process(data, Steps(format=AudioFormat.WAV, trim_silence=True))

    assert wave_of(made.data)[2] == pytest.approx(2.2, abs=0.1)
    assert made.source_duration is not None
    assert made.source_duration.total_seconds() == pytest.approx(4.5, abs=0.15)


async def test_silence_within_stays(process: Process) -> None:
    data = wav(silence(1) + tone(1) + silence(1) + tone(1) + silence(1))

    made = await process(data, Steps(format=AudioFormat.WAV, trim_silence=True))

    assert wave_of(made.data)[2] == pytest.approx(3.2, abs=0.02)


async def test_what_has_no_silence_is_left_as_it_is(process: Process) -> None:
    made = await process(wav(tone(2)), Steps(format=AudioFormat.WAV, trim_silence=True))

    assert wave_of(made.data)[2] == pytest.approx(2, abs=0.001)


async def test_a_cut_is_made_before_its_ends_are_trimmed(process: Process) -> None:
    start, end = timedelta(seconds=0.5), timedelta(seconds=2)

    made = await process(SOUND, Steps(format=AudioFormat.WAV, trim_silence=True, start=start, end=end))

    assert wave_of(made.data)[2] == pytest.approx(1.1, abs=0.02)
    assert made.source_duration is None


@pytest.mark.parametrize("audio_format", list(AudioFormat))
async def test_the_same_bytes_make_the_same_bytes(process: Process, audio_format: AudioFormat) -> None:
    steps = Steps(format=audio_format, trim_silence=True, loudness_lufs=-20.0)

    first, second = [await process(SOUND, steps) for _ in range(2)]

    assert first.data == second.data
    assert first.loudness is not None
    assert first.loudness.integrated == pytest.approx(-20, abs=0.3)


async def test_flac_has_blocks_of_a_usual_length_whatever_comes(process: Process, tmp_path: Path) -> None:
    data = converted(BUNDLED, SOUND, *CONTAINERS["mp3"], folder=tmp_path)

    made = await process(data, Steps(format=AudioFormat.FLAC))

    assert struct.unpack_from(">HH", made.data, 8) in [(2_304, 2_304), (4_096, 4_096)]


async def test_flac_of_less_than_a_block_is_padded_with_silence(process: Process) -> None:
    steps = Steps(format=AudioFormat.FLAC, start=timedelta(seconds=2), end=timedelta(seconds=2 + 4.6 / RATE))

    made = await process(SOUND, steps)
    again = await process(made.data, Steps(format=AudioFormat.WAV))

    assert made.duration.total_seconds() == pytest.approx(5 / RATE, abs=1e-6)
    assert wave_of(again.data)[2] == 16 / RATE


async def test_only_silence_is_nothing(process: Process) -> None:
    with pytest.raises(NothingLeftError):
        await process(wav(silence(3)), Steps(trim_silence=True))
    with pytest.raises(NothingLeftError):
        await process(SOUND, Steps(start=timedelta(seconds=9)))
    with pytest.raises(NothingLeftError):
        await process(SOUND, Steps(start=timedelta(seconds=9), trim_silence=True))


@pytest.mark.parametrize("steps", [Steps(), Steps(trim_silence=True), Steps(loudness_lufs=-20.0)])
async def test_more_bytes_than_are_taken_are_refused(process: Process, steps: Steps) -> None:
    with pytest.raises(InputTooLargeError) as refused:
        await process(SOUND, steps, max_input_bytes=150_000)

    assert refused.value.max_size_bytes == 150_000


async def test_a_result_beyond_the_bound_is_refused(process: Process) -> None:
    with pytest.raises(ResultTooLargeError):
        await process(SOUND, Steps(format=AudioFormat.WAV), max_output_bytes=100_000)


@pytest.mark.parametrize("kind", ["mp3", "m4a-index-last", "ogg-opus"])
async def test_tags_stay_but_where_it_was_recorded_does_not(process: Process, kind: str, tmp_path: Path) -> None:
    said = ("-metadata", "comment=AI-generated speech", "-metadata", "location=+48.8577+002.2950/")
    data = converted(BUNDLED, SOUND, *said, *CONTAINERS[kind], folder=tmp_path)

    for audio_format in (AudioFormat.MP3, AudioFormat.OPUS, AudioFormat.FLAC):
        made = await process(data, Steps(format=audio_format))
        told = _told_about(made.data, tmp_path)
        assert "AI-generated speech" in told
        assert "48.8577" not in told


@pytest.mark.parametrize("language", ["und", "eng", "deu", "ger", "jpn"])
async def test_where_it_was_recorded_does_not_stay_in_any_language(
    process: Process, tmp_path: Path, language: str
) -> None:
    said = ("-metadata", "location=+48.8577+002.2950/", "-c:a", "aac", "-f", "mov")
    data = bytearray(converted(BUNDLED, SOUND, *said, folder=tmp_path))
    # Five bits for each letter.
    code = sum((ord(letter) - 0x60) << shift for letter, shift in zip(language, (10, 5, 0), strict=True))
    struct.pack_into(">H", data, data.index(b"\xa9xyz") + 6, code)
    assert b"+48.8577" in data

    made = await process(bytes(data), Steps())

    assert b"48.8577" not in made.data


async def test_a_damaged_file_is_told_so(process: Process, tmp_path: Path) -> None:
    whole = converted(BUNDLED, SOUND, *CONTAINERS["m4a-index-last"], folder=tmp_path)

    with pytest.raises(AudioUnreadableError, match="damaged"):
        await process(whole[: len(whole) // 2], Steps())


@pytest.mark.parametrize("rate", ["22050", "96000"])
async def test_a_long_tag_keeps_nobody_from_the_samples_behind_it(process: Process, tmp_path: Path, rate: str) -> None:
    said = ("-metadata", f"comment={'AI-generated speech ' * 4_000}")
    data = converted(BUNDLED, SOUND, "-ar", rate, *said, *CONTAINERS["wav"], folder=tmp_path)

    made = await process(data, Steps(format=AudioFormat.WAV))
    told = _told_about(made.data, tmp_path)

    assert "AI-generated speech" in told
    assert f"{rate} Hz" in told
    assert "Duration: 00:00:04.50" in told


@pytest.mark.parametrize("bit_rate", ["24k", "320k"])
@pytest.mark.parametrize("cut", [1, 500])
async def test_an_mp3_that_begins_within_a_frame_is_heard_from_the_next_one_on(
    process: Process, tmp_path: Path, bit_rate: str, cut: int
) -> None:
    whole = converted(BUNDLED, SOUND, "-b:a", bit_rate, "-ar", "32000", *CONTAINERS["mp3"], folder=tmp_path)
    begin = len(whole) // 3 + cut

    made = await process(whole[begin:], Steps(format=AudioFormat.WAV))

    assert made.source is Container.MP3
    assert wave_of(made.data)[2] == pytest.approx(3, abs=0.15)


async def test_flac_is_found_behind_a_tag_with_a_picture(process: Process, tmp_path: Path) -> None:
    flac = converted(BUNDLED, SOUND, *CONTAINERS["flac"], folder=tmp_path)
    picture = struct.pack(">4sIH", b"APIC", 300_000, 0) + bytes(300_000)
    size = bytes(len(picture) >> shift & 0x7F for shift in (21, 14, 7, 0))

    made = await process(b"ID3\x03\0\0" + size + picture + flac, Steps(format=AudioFormat.WAV))

    assert made.source is Container.FLAC
    assert wave_of(made.data)[2] == pytest.approx(4.5, abs=0.01)


async def test_he_aac_is_heard_at_twice_the_rate_that_it_is_written_at_and_no_longer(
    process: Process, tmp_path: Path
) -> None:
    aac = converted(BUNDLED, SOUND, *CONTAINERS["m4a-index-last"], folder=tmp_path)
    # ffmpeg writes none, but says in so many bits that no band is replicated: here one is, up to 44,100 Hz.
    he_aac = aac.replace(b"\x56\xe5\x00", b"\x56\xe5\xa0")

    made = await process(he_aac, Steps(format=AudioFormat.WAV))

    assert wave_of(made.data)[1:] == (2 * RATE, pytest.approx(4.5, abs=0.01))


CHANGES = {
    "MP3 of another rate": ("-ar", "44100", "-f", "mp3"),
    "MP3 of more channels": ("-ac", "2", "-f", "mp3"),
    "chained Opus": ("-ac", "2", "-c:a", "libopus", "-f", "ogg"),
    "chained Vorbis": ("-ar", "44100", "-c:a", "libvorbis", "-f", "ogg"),
}


@pytest.mark.parametrize("what", CHANGES)
@pytest.mark.parametrize("steps", [Steps(format=AudioFormat.WAV), Steps(trim_silence=True), Steps(loudness_lufs=-20.0)])
async def test_a_sound_whose_kind_changes_within_is_refused_and_not_cut_short(
    process: Process, what: str, steps: Steps, tmp_path: Path
) -> None:
    to = CHANGES[what]
    first = converted(BUNDLED, SOUND, *to[2:], folder=tmp_path)
    then = converted(BUNDLED, SOUND, *to, folder=tmp_path)

    for data in (first + then, then + first):
        with pytest.raises(AudioUnreadableError, match="change within it"):
            await process(data, steps)


async def test_links_of_one_kind_are_heard_to_the_end(process: Process, tmp_path: Path) -> None:
    link = converted(BUNDLED, SOUND, *CONTAINERS["ogg-opus"], folder=tmp_path)

    made = await process(link + link, Steps(format=AudioFormat.WAV))

    assert wave_of(made.data)[2] == pytest.approx(9, abs=0.05)


def _told_about(data: bytes, folder: Path) -> str:
    """What ffmpeg tells about a file."""
    path = folder / "made"
    path.write_bytes(data)
    done = subprocess.run([BUNDLED, "-i", path], capture_output=True, text=True, check=False, timeout=60)
    return done.stderr

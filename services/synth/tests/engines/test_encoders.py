from __future__ import annotations

import io
import wave
from contextlib import aclosing
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from mayfly_synth.domain.formats import AudioFormat, Encoding, Meter
from mayfly_synth.engines.ffmpeg import Ffmpeg

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from mayfly_synth.engines.encoders import SpeechEncoder

RATES = (8_000, 16_000, 22_050, 44_100, 48_000)


async def blocks(pcm: bytes, size: int = 10_000) -> AsyncIterator[bytes]:
    for start in range(0, len(pcm), size):
        yield pcm[start : start + size]


def chirp(rate: int, samples: int) -> bytes:
    """A sound that is nowhere like itself, so that a shift is found."""
    time = np.arange(samples) / rate
    return (12_000 * np.sin(2 * np.pi * (200 + 400 * time) * time)).astype("<i2").tobytes()


async def encoded(encoder: SpeechEncoder, pcm: bytes, audio_format: AudioFormat, rate: int) -> tuple[bytes, bytes]:
    """The stream and the sealed file."""
    encoding, meter = Encoding(format=audio_format, sample_rate=rate), Meter()
    async with aclosing(encoder.encode(blocks(pcm), encoding, sample_rate=rate, meter=meter)) as parts:
        stream = b"".join([part.data async for part in parts])
    file = bytearray(stream)
    encoder.seal(file, encoding, sample_rate=rate, samples=len(pcm) // 2, meter=meter)
    return stream, bytes(file)


async def decoded(mp3: bytes, folder: Path, rate: int) -> np.ndarray[Any, np.dtype[np.int16]]:
    """What a decoder makes of a file. Of a pipe it would not cut the padding off, as it cannot see the end."""
    path = folder / "audio.mp3"
    path.write_bytes(mp3)
    arguments = ["-loglevel", "error", "-f", "mp3", "-i", str(path), "-f", "s16le", "-ar", str(rate), "pipe:1"]
    async with aclosing(Ffmpeg.find().run(arguments, blocks(b""))) as pieces:
        return np.frombuffer(b"".join([piece async for piece in pieces]), dtype="<i2")


async def test_a_sealed_wav_is_read_by_pythons_own_reader(encoder: SpeechEncoder) -> None:
    pcm = chirp(16_000, 20_000)

    stream, file = await encoded(encoder, pcm, AudioFormat.WAV, 16_000)

    with wave.open(io.BytesIO(file)) as read:
        assert (read.getnchannels(), read.getsampwidth(), read.getframerate()) == (1, 2, 16_000)
        assert read.readframes(read.getnframes()) == pcm
    assert stream[44:] == file[44:]
    assert stream[4:8] != file[4:8]


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("samples", [100, 5_760, 100_001])
async def test_a_sealed_mp3_decodes_to_exactly_the_samples_that_went_in(
    encoder: SpeechEncoder, tmp_path: Path, rate: int, samples: int
) -> None:
    pcm = chirp(rate, samples)

    _, file = await encoded(encoder, pcm, AudioFormat.MP3, rate)
    heard = await decoded(file, tmp_path, rate)

    assert len(heard) == samples
    if samples > 1_000:
        assert np.corrcoef(heard, np.frombuffer(pcm, dtype="<i2"))[0, 1] > 0.95


async def test_a_streamed_mp3_begins_with_the_first_sample_too(encoder: SpeechEncoder, tmp_path: Path) -> None:
    pcm = chirp(16_000, 32_000)

    stream, file = await encoded(encoder, pcm, AudioFormat.MP3, 16_000)
    heard = await decoded(stream, tmp_path, 16_000)

    assert len(stream) == len(file)
    assert np.corrcoef(heard[:32_000], np.frombuffer(pcm, dtype="<i2"))[0, 1] > 0.95


@pytest.mark.parametrize("audio_format", [AudioFormat.WAV, AudioFormat.MP3])
async def test_parts_say_how_much_can_be_heard(encoder: SpeechEncoder, audio_format: AudioFormat) -> None:
    pcm = chirp(16_000, 160_000)

    encoding = Encoding(format=audio_format, sample_rate=16_000)
    async with aclosing(encoder.encode(blocks(pcm), encoding, sample_rate=16_000, meter=Meter())) as parts:
        heard = [part.heard async for part in parts]

    assert heard == sorted(heard)
    assert heard[0] == timedelta(0)
    # An MP3 ends with a full frame, some of it silence.
    assert timedelta(seconds=10) <= heard[-1] <= timedelta(seconds=10.2)


async def test_what_is_heard_so_far_can_really_be_decoded_from_what_came(
    encoder: SpeechEncoder, tmp_path: Path
) -> None:
    so_far, checked = b"", 0
    encoding, pcm = Encoding(format=AudioFormat.MP3, sample_rate=16_000), chirp(16_000, 80_000)
    async with aclosing(encoder.encode(blocks(pcm), encoding, sample_rate=16_000, meter=Meter())) as parts:
        async for part in parts:
            so_far += part.data
            if part.heard > timedelta(0):
                samples = len(await decoded(so_far, tmp_path, 16_000))
                assert samples / 16_000 >= part.heard.total_seconds() - 0.001
                checked += 1

    assert checked

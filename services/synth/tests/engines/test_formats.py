"""Each format as a decoder hears it: the right length, the right sound, nothing before or after it."""

from __future__ import annotations

import math
import re
from contextlib import aclosing
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import imageio_ffmpeg
import numpy as np
import pytest

from mayfly_synth.domain.formats import LOUDEST_PEAK, AudioFormat, Encoding, Meter
from mayfly_synth.engines.ffmpeg import Ffmpeg
from mayfly_synth.engines.reports import Report
from mayfly_synth.engines.tags import DIGITAL_SOURCE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from mayfly_synth.engines.encoders import SpeechEncoder

Samples = np.ndarray[Any, np.dtype[np.float64]]

RATE = 16_000
DEMUXERS = {
    AudioFormat.WAV: ["-f", "wav"],
    AudioFormat.MP3: ["-f", "mp3"],
    AudioFormat.OPUS: ["-f", "ogg"],
    AudioFormat.AAC: ["-f", "mov"],
    AudioFormat.FLAC: ["-f", "flac"],
    AudioFormat.PCM: ["-f", "s16le", "-ar", "{rate}", "-ac", "1"],
    AudioFormat.MULAW: ["-f", "mulaw", "-ar", "{rate}", "-ac", "1"],
    AudioFormat.ALAW: ["-f", "alaw", "-ar", "{rate}", "-ac", "1"],
}
# ffmpeg's reader of fragments plays the last frame to its end, whatever the edit list says.
TAIL = {AudioFormat.AAC: 1_024}
# Whichever program encodes, the same one listens: that of Debian 12 plays the encoder's look-ahead as well.
EAR = Path(imageio_ffmpeg.get_ffmpeg_exe())
TAGGED = [AudioFormat.WAV, AudioFormat.MP3, AudioFormat.OPUS, AudioFormat.AAC, AudioFormat.FLAC]


async def blocks(pcm: bytes, size: int = 30_000) -> AsyncIterator[bytes]:
    for start in range(0, len(pcm), size):
        yield pcm[start : start + size]


def chirp(samples: int, *, amplitude: float = 12_000, rate: int = RATE) -> bytes:
    """A sound that is nowhere like itself, so that a shift is found; low enough for a telephone."""
    time = np.arange(samples) / rate
    return (amplitude * np.sin(2 * np.pi * (200 + 300 * time) * time)).astype("<i2").tobytes()


def plain(audio_format: AudioFormat, **more: Any) -> Encoding:
    return Encoding(format=audio_format, sample_rate=more.pop("sample_rate", audio_format.nearest_rate(RATE)), **more)


async def encoded(encoder: SpeechEncoder, pcm: bytes, encoding: Encoding, *, meter: Meter | None = None) -> bytes:
    """The sealed file."""
    meter = meter or Meter(whole=True)
    async with aclosing(encoder.encode(blocks(pcm), encoding, sample_rate=RATE, meter=meter)) as parts:
        file = bytearray(b"".join([part.data async for part in parts]))
    encoder.seal(file, encoding, sample_rate=RATE, samples=len(pcm) // 2, meter=meter)
    return bytes(file)


async def heard(file: bytes, encoding: Encoding, folder: Path, *, report: Report | None = None) -> Samples:
    """What a decoder makes of it."""
    path = folder / "audio"
    path.write_bytes(file)
    how = [word.format(rate=encoding.sample_rate) for word in DEMUXERS[encoding.format]]
    arguments = ["-hide_banner", *how, "-i", str(path), "-f", "s16le", "-ar", str(encoding.sample_rate), "pipe:1"]
    async with aclosing(Ffmpeg.find(EAR).run(arguments, blocks(b""), report=report or Report())) as pieces:
        return np.frombuffer(b"".join([piece async for piece in pieces]), dtype="<i2").astype(float)


def as_at(rate: int, samples: int) -> Samples:
    """The chirp as it is at another sample rate."""
    return np.frombuffer(chirp(samples * rate // RATE, rate=rate), dtype="<i2").astype(float)


@pytest.mark.parametrize("audio_format", AudioFormat)
@pytest.mark.parametrize("samples", [5_760, 48_000])
async def test_every_format_decodes_to_the_sound_that_went_in_and_to_its_length(
    encoder: SpeechEncoder, tmp_path: Path, audio_format: AudioFormat, samples: int
) -> None:
    encoding = plain(audio_format)

    got = await heard(await encoded(encoder, chirp(samples), encoding), encoding, tmp_path)

    expected = as_at(encoding.sample_rate, samples)
    assert len(expected) <= len(got) <= len(expected) + TAIL.get(audio_format, 0)
    assert np.corrcoef(got[: len(expected)], expected)[0, 1] > 0.98


@pytest.mark.parametrize("rate", [8_000, 22_050, 24_000, 48_000])
@pytest.mark.parametrize("audio_format", [AudioFormat.WAV, AudioFormat.MP3, AudioFormat.FLAC, AudioFormat.AAC])
async def test_a_sample_rate_is_what_was_asked_for(
    encoder: SpeechEncoder, tmp_path: Path, audio_format: AudioFormat, rate: int
) -> None:
    encoding, report = plain(audio_format, sample_rate=rate), Report()

    got = await heard(await encoded(encoder, chirp(32_000), encoding), encoding, tmp_path, report=report)

    assert f", {rate} Hz," in report.said
    assert 2 * rate - 2 <= len(got) <= 2 * rate + 2 + TAIL.get(audio_format, 0)
    assert np.corrcoef(got[: 2 * rate - 2], as_at(rate, 32_000)[: 2 * rate - 2])[0, 1] > 0.98


@pytest.mark.parametrize("audio_format", [AudioFormat.MP3, AudioFormat.OPUS, AudioFormat.AAC])
async def test_a_bit_rate_decides_the_size(encoder: SpeechEncoder, audio_format: AudioFormat) -> None:
    rng = np.random.default_rng(1)
    noise = (rng.normal(size=RATE * 10) * 8_000).clip(-32_000, 32_000).astype("<i2").tobytes()

    small, large = [len(await encoded(encoder, noise, plain(audio_format, bit_rate=rate))) for rate in (24_000, 48_000)]

    assert small == pytest.approx(10 * 24_000 / 8, rel=0.25)
    assert large == pytest.approx(10 * 48_000 / 8, rel=0.2)


@pytest.mark.parametrize("audio_format", AudioFormat)
async def test_the_same_samples_make_the_same_bytes(encoder: SpeechEncoder, audio_format: AudioFormat) -> None:
    first, second = [await encoded(encoder, chirp(20_000), plain(audio_format, title="en_US-x")) for _ in range(2)]

    assert first == second


@pytest.mark.parametrize("audio_format", TAGGED)
async def test_the_file_says_that_nobody_said_this(
    encoder: SpeechEncoder, tmp_path: Path, audio_format: AudioFormat
) -> None:
    encoding, report = plain(audio_format, title="en_US-mayfly-low"), Report()

    file = await encoded(encoder, chirp(20_000), encoding)
    got = await heard(file, encoding, tmp_path, report=report)

    assert f"voice en_US-mayfly-low. digitalSourceType={DIGITAL_SOURCE}" in report.said
    assert re.search(r"(?i)comment|description", report.said)
    assert 0 <= len(got) - 20_000 * encoding.sample_rate // RATE <= TAIL.get(audio_format, 0)


@pytest.mark.parametrize("audio_format", AudioFormat)
async def test_parts_say_how_much_can_be_heard_and_never_too_much(
    encoder: SpeechEncoder, tmp_path: Path, audio_format: AudioFormat
) -> None:
    encoding = plain(audio_format, title="x")
    so_far, checked = b"", 0
    async with aclosing(encoder.encode(blocks(chirp(160_000)), encoding, sample_rate=RATE, meter=Meter())) as parts:
        async for part in parts:
            so_far += part.data
            if part.heard and checked < 6:
                got = await heard(so_far, encoding, tmp_path)
                assert len(got) / encoding.sample_rate >= part.heard.total_seconds() - 0.001
                checked += 1

    assert checked
    assert timedelta(seconds=9.6) <= part.heard <= timedelta(seconds=10.2)


@pytest.mark.parametrize("audio_format", AudioFormat)
async def test_nothing_at_all_is_a_file_too(encoder: SpeechEncoder, audio_format: AudioFormat) -> None:
    begins = {AudioFormat.WAV: b"RIFF", AudioFormat.OPUS: b"OggS", AudioFormat.FLAC: b"fLaC"}

    file = await encoded(encoder, b"", plain(audio_format))

    if audio_format is AudioFormat.AAC:
        assert file[4:8] == b"ftyp"
    else:
        # What has no header of its own has nothing to say.
        assert file[:4] == begins.get(audio_format, b"")


async def test_silence_is_not_made_louder(encoder: SpeechEncoder, tmp_path: Path) -> None:
    encoding, meter = plain(AudioFormat.WAV, loudness_lufs=-16.0), Meter(whole=True)

    got = await heard(await encoded(encoder, bytes(64_000), encoding, meter=meter), encoding, tmp_path)

    assert not got.any()
    assert meter.loudness is not None
    assert (meter.loudness.integrated, meter.loudness.true_peak) == (-70.0, -math.inf)


@pytest.mark.parametrize("audio_format", [AudioFormat.WAV, AudioFormat.MP3, AudioFormat.OPUS, AudioFormat.FLAC])
@pytest.mark.parametrize("target", [-30.0, -16.0])
async def test_a_loudness_is_reached_and_told(
    encoder: SpeechEncoder, tmp_path: Path, audio_format: AudioFormat, target: float
) -> None:
    encoding, meter = plain(audio_format, loudness_lufs=target), Meter(whole=True)

    file = await encoded(encoder, chirp(RATE * 6, amplitude=2_000), encoding, meter=meter)
    got = await heard(file, encoding, tmp_path)

    assert meter.loudness is not None
    assert meter.loudness.integrated == pytest.approx(target, abs=0.5)
    assert len(got) == 6 * encoding.sample_rate


async def test_what_is_made_loud_is_limited_and_not_clipped(encoder: SpeechEncoder, tmp_path: Path) -> None:
    """Clicks in silence: their peaks would be far above full scale."""
    rng = np.random.default_rng(2)
    sound = rng.normal(size=RATE * 6) * 600
    sound[:: RATE // 4] = 20_000
    encoding, meter = plain(AudioFormat.WAV, loudness_lufs=-14.0), Meter(whole=True)

    file = await encoded(encoder, sound.astype("<i2").tobytes(), encoding, meter=meter)
    got = await heard(file, encoding, tmp_path)

    assert meter.loudness is not None
    assert meter.loudness.true_peak <= LOUDEST_PEAK
    assert np.abs(got).max() < 32_767 * 10 ** (LOUDEST_PEAK / 20)


async def test_a_stream_has_one_gain_from_its_first_sample_to_its_last(encoder: SpeechEncoder, tmp_path: Path) -> None:
    quiet_then_loud = chirp(RATE * 4, amplitude=1_000) + chirp(RATE * 4, amplitude=3_000)
    encoding, meter = plain(AudioFormat.WAV, loudness_lufs=-20.0), Meter()

    got = await heard(await encoded(encoder, quiet_then_loud, encoding, meter=meter), encoding, tmp_path)

    first, second = np.abs(got[: RATE * 4]).max(), np.abs(got[RATE * 4 :]).max()
    assert second / first == pytest.approx(3, rel=0.02)
    assert meter.loudness is not None
    assert meter.loudness.integrated > -20.0


async def test_flac_has_the_bits_of_the_voice_at_every_loudness(encoder: SpeechEncoder) -> None:
    made = await encoded(encoder, chirp(RATE), plain(AudioFormat.FLAC, loudness_lufs=-20.0))

    assert (int.from_bytes(made[20:22]) >> 4 & 0x1F) + 1 == 16


@pytest.mark.parametrize("meter", [Meter(whole=True), Meter()])
@pytest.mark.parametrize("seconds", [0.1, 0.39])
async def test_a_sound_too_short_for_the_meter_has_the_loudness_of_a_longer_one(
    encoder: SpeechEncoder, seconds: float, meter: Meter, tmp_path: Path
) -> None:
    encoding = plain(AudioFormat.WAV, loudness_lufs=-30.0)
    level = []

    for samples in (round(seconds * RATE), 2 * RATE):
        made = await encoded(encoder, chirp(samples), encoding, meter=meter)
        assert meter.loudness is not None
        assert meter.loudness.integrated == pytest.approx(-30.0, abs=0.3)
        sound = await heard(made, encoding, tmp_path)
        assert len(sound) == samples
        level.append(20 * math.log10(float(np.sqrt(np.mean(sound[: round(0.1 * RATE)] ** 2)))))

    assert level[0] == pytest.approx(level[1], abs=2)

from __future__ import annotations

import io
import math
import struct
import wave

import pytest

from mayfly_gateway.peaks import POINTS, PeakMeter


def wav(samples: list[int]) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(struct.pack(f"<{len(samples)}h", *samples))
    return out.getvalue()


def measured(data: bytes, piece: int) -> list[float]:
    meter = PeakMeter()
    for start in range(0, len(data), piece):
        meter.feed(data[start : start + piece])
    return meter.peaks()


@pytest.mark.parametrize("piece", [1, 7, 44, 1_000, 10**6])
def test_the_picture_is_the_same_however_the_bytes_come(piece: int) -> None:
    loud_then_quiet = [-32_768] * 2_560 + [8_192] * 2_560

    assert measured(wav(loud_then_quiet), piece) == [1.0] * 10 + [0.25] * 10


def test_a_long_sound_has_no_more_points_than_a_picture() -> None:
    rising = [int(at / 500_000 * 32_767) for at in range(500_000)]

    peaks = measured(wav(rising), 65_536)

    assert len(peaks) == POINTS
    assert peaks == sorted(peaks)
    assert math.isclose(peaks[-1], 1.0, abs_tol=0.01)


def test_a_tag_before_the_samples_is_no_sound() -> None:
    plain = wav([16_384] * 512)
    tag = b"LIST" + struct.pack("<I", 6) + b"INFOxy"

    assert measured(plain[:36] + tag + plain[36:], 10) == [0.5, 0.5]


@pytest.mark.parametrize("data", [b"", b"R", b"ID3\x04 and more", b"OggS", b"RIFF" + bytes(200_000)])
def test_of_what_is_no_wav_there_is_no_picture(data: bytes) -> None:
    assert measured(data, 1_000) == []

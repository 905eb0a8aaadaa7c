from __future__ import annotations

import io
import math
import struct
import wave

import pytest

from mayfly_gateway.delivery import measure

RATE = 16_000


def wav(samples: list[int], *, channels: int = 1) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(struct.pack(f"<{len(samples)}h", *samples))
    return out.getvalue()


def syllables(count: int, *, every: float = 0.2, level: float = 12_000.0) -> list[int]:
    """Swelling and fading tones, as syllables are."""
    length = round(every * RATE)
    return [
        round(level * math.sin(math.pi * at / length) * math.sin(2 * math.pi * 150 * at / RATE))
        for _ in range(count)
        for at in range(length)
    ]


def silence(seconds: float) -> list[int]:
    return [0] * round(seconds * RATE)


def test_pauses_are_counted_within_the_speech_and_silence_everywhere() -> None:
    told = measure(wav(silence(1) + syllables(10) + silence(0.5) + syllables(10) + silence(2)))

    assert told.duration == pytest.approx(7.5)
    assert told.silence == pytest.approx(3.5, abs=0.1)
    assert (told.pauses, round(told.longest_pause, 1)) == (1, 0.5)
    assert told.silence_ratio == pytest.approx(3.5 / 7.5, abs=0.02)


@pytest.mark.parametrize("every", [0.15, 0.2, 0.4])
def test_pace_is_the_syllables_of_a_second(every: float) -> None:
    told = measure(wav(syllables(20, every=every)))

    assert told.syllables_per_second == pytest.approx(1 / every, rel=0.1)


def test_a_quiet_recording_has_the_same_pace_as_a_loud_one() -> None:
    loud, quiet = (measure(wav(syllables(20, level=level))) for level in (20_000.0, 1_000.0))

    assert quiet.syllables_per_second == pytest.approx(loud.syllables_per_second, rel=0.05)


@pytest.mark.parametrize("samples", [[0] * RATE, [3, -3] * RATE, [5], []])
def test_silence_is_silence(samples: list[int]) -> None:
    told = measure(wav(samples))

    assert (told.silence, told.pauses, told.syllables_per_second) == (told.duration, 0, 0.0)


def test_what_is_not_one_channel_is_refused() -> None:
    with pytest.raises(ValueError, match="one channel"):
        measure(wav([1, 2], channels=2))

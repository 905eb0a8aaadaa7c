from __future__ import annotations

import io
import wave

import pytest

from mayfly_synth.engines import wav


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 48_000])
def test_a_header_is_what_pythons_own_writer_writes(rate: int) -> None:
    written = io.BytesIO()
    with wave.open(written, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(bytes(2000))

    assert wav.header(sample_rate=rate, data_bytes=2000) + bytes(2000) == written.getvalue()


def test_a_streams_header_states_the_largest_length_in_whole_samples() -> None:
    header = wav.header(sample_rate=16_000)

    riff, data = int.from_bytes(header[4:8], "little"), int.from_bytes(header[40:44], "little")
    assert len(header) == wav.HEADER_BYTES
    assert riff == data + 36
    assert data % 2 == 0
    assert riff > 0xFFFFFFF0

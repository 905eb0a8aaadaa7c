from __future__ import annotations

import io
import json
import struct
import wave
from typing import TYPE_CHECKING

import pytest

from mayfly_client import waveform

if TYPE_CHECKING:
    from pathlib import Path


def wav(samples: bytes, *, width: int = 2, channels: int = 1) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(channels)
        writer.setsampwidth(width)
        writer.setframerate(8_000)
        writer.writeframes(samples)
    return file.getvalue()


def test_peaks_are_the_lowest_and_the_highest_of_each_stretch() -> None:
    samples = struct.pack("<6h", -32_768, 32_767, 256, -256, 512, 1_024)

    assert waveform.peaks(wav(samples), samples_per_pixel=2).data == (-128, 127, -1, 1, 2, 4)
    assert waveform.peaks(wav(samples), samples_per_pixel=4, bits=16).data == (-32_768, 32_767, 512, 1_024)


def test_the_json_is_audiowaveforms_version_2() -> None:
    told = json.loads(waveform.peaks(wav(bytes(20)), samples_per_pixel=4).as_json())

    assert told == {
        "version": 2,
        "channels": 1,
        "sample_rate": 8_000,
        "samples_per_pixel": 4,
        "bits": 8,
        "length": 3,
        "data": [0] * 6,
    }


def test_each_channel_has_its_own_peaks() -> None:
    left_and_right = struct.pack("<4h", 256, 512, 1_024, 2_048)

    assert waveform.peaks(wav(left_and_right, channels=2)).data == (1, 4, 2, 8)


@pytest.mark.parametrize(("width", "sample"), [(1, b"\x00"), (2, b"\x00\x80"), (4, b"\x00\x00\x00\x80")])
@pytest.mark.parametrize(("bits", "lowest"), [(8, -128), (16, -32_768)])
def test_samples_of_any_width_are_scaled(width: int, sample: bytes, bits: int, lowest: int) -> None:
    assert waveform.peaks(wav(sample * 4, width=width), bits=bits).data == (lowest, lowest)


def test_a_stream_whose_header_states_the_largest_length_has_its_true_one() -> None:
    data = bytearray(wav(bytes(1_024)))
    data[4:8] = data[40:44] = b"\xff\xff\xff\xff"

    assert waveform.peaks(bytes(data)).length == 2


def test_a_file_is_read_and_written(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(wav(bytes(1_024)))

    waveform.write(tmp_path / "a.json", tmp_path / "a.wav")

    assert json.loads((tmp_path / "a.json").read_text())["length"] == 2


@pytest.mark.parametrize("data", [b"", b"\xff\xfb\x90\x00" * 100, b"RIFF", wav(bytes(9), width=3)])
def test_what_is_no_wav_with_whole_samples_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="WAV"):
        waveform.peaks(data)


@pytest.mark.parametrize("wrong", [{"samples_per_pixel": 1}, {"bits": 12}])
def test_what_is_out_of_range_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="samples_per_pixel must be 2 or more"):
        waveform.peaks(wav(bytes(8)), **wrong)

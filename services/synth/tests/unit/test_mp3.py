from __future__ import annotations

import pytest

from mayfly_synth.engines.mp3 import FrameHeader, frames_in, info_frame

# MPEG-2 Layer III, 64 kbit/s, 16 kHz, mono.
HEADER_16K = bytes.fromhex("fff388c4")
# MPEG-1 Layer III, 128 kbit/s, 44.1 kHz, joint stereo.
HEADER_44K = bytes.fromhex("fffb9064")


def test_a_header_tells_rate_and_size_of_its_frame() -> None:
    header = FrameHeader.parse(HEADER_16K)

    assert (header.sample_rate, header.bit_rate, header.samples, header.size) == (16_000, 64_000, 576, 288)


def test_a_header_of_mpeg_1_is_read_by_the_other_tables() -> None:
    header = FrameHeader.parse(HEADER_44K)

    assert (header.sample_rate, header.bit_rate, header.samples, header.size) == (44_100, 128_000, 1152, 417)


@pytest.mark.parametrize("raw", ["49443304", "fffd90c4", "ffeb90c4", "fff3f0c4", "fff30cc4", "fff38cc4", "00000000"])
def test_what_is_no_header_is_refused(raw: str) -> None:
    with pytest.raises(ValueError, match="not the header"):
        FrameHeader.parse(bytes.fromhex(raw))


def test_the_frame_of_a_stream_and_that_of_the_finished_file_have_one_size() -> None:
    first = FrameHeader.parse(HEADER_16K)

    assert len(info_frame(first)) == len(info_frame(first, frames=10, size=3168, samples=4000)) == first.size


@pytest.mark.parametrize("raw", ["fff324c4", "fff320c4", "fff32464"])
def test_a_frame_that_has_no_room_for_all_that_is_told_is_told_in_the_largest(raw: str) -> None:
    # MPEG-2, 16 kbit/s, at 24 and 22.05 kHz, mono and joint stereo: of 48 and 52 bytes.
    first = FrameHeader.parse(bytes.fromhex(raw))

    info = info_frame(first, frames=10, size=3168, samples=4000)

    told = FrameHeader.parse(info[:4])
    assert told.size == len(info) == len(info_frame(first))
    assert (told.sample_rate, told.side_information) == (first.sample_rate, first.side_information)


def test_frames_are_counted_from_bytes_although_some_have_a_padding_byte() -> None:
    # 22.05 kHz at 64 kbit/s: 208.98 bytes on average.
    first = FrameHeader.parse(bytes.fromhex("fff380c4"))

    assert [frames_in(round(count * 208.9796), first) for count in (1, 50, 10_000)] == [1, 50, 10_000]

"""The first frame of an MP3 file, which tells players what the other frames do not.

An MP3 decodes to more samples than went in: the encoder begins with a delay, and fills the last frame up. Players cut
both off, and know the length, if the file begins with an `Info` frame: a silent frame that carries the number of frames
and bytes, and in LAME's extension of it the delay and the padding. ffmpeg writes one only where it can seek back, which
it cannot in a pipe, so it is written here: with the delay alone at the start of a stream, and with everything once the
file is whole.

Layout: http://gabriel.mp3-tech.org/mp3infotag.html
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

# LAME's encoder looks ahead by this many samples, at every sample rate.
ENCODER_DELAY: Final = 576
# And a decoder adds these to it.
DECODER_DELAY: Final = 529

_RATES: Final = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}
_KBPS_MPEG1: Final = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_KBPS_MPEG2: Final = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_HAS_FRAMES: Final = 0b01
_HAS_BYTES: Final = 0b10
# In a stream: decoders pass over the frame only if it tells one of the two, and this one is only a bound.
_LARGEST: Final = 0xFFFFFFFF
_MOST_PADDING: Final = 0xFFF
_TAG_HEADER: Final = 10
_HEADER: Final = 4
_HIGHEST_RATE: Final = 14
LONGEST_FRAME: Final = 1_441
"""Unit: bytes. That of 320 kbit/s at 32 kHz, with its padding byte."""
# So many headers, each where the one before says, are no chance.
_CERTAIN: Final = 4
# Bytes of the counts, and of LAME's extension.
_TOLD: Final = 16 + 24


@dataclass(frozen=True, slots=True)
class FrameHeader:
    """The four bytes at the start of each frame, taken apart. Layer III."""

    raw: bytes
    mpeg1: bool
    sample_rate: int
    """Unit: hertz."""
    bit_rate: int
    """Unit: bits in a second."""

    @classmethod
    def parse(cls, raw: bytes) -> FrameHeader:
        """Take a header apart.

        Raises:
            ValueError: If the bytes are no header of a Layer III frame.
        """
        version, layer, kbps, rate = raw[1] >> 3 & 3, raw[1] >> 1 & 3, raw[2] >> 4, raw[2] >> 2 & 3
        if raw[0] != 0xFF or raw[1] >> 5 != 7 or layer != 1 or version == 1 or rate == 3 or kbps in (0, 15):
            raise ValueError(f"{raw[:4].hex()} is not the header of an MPEG Layer III frame")
        table = _KBPS_MPEG1 if version == 3 else _KBPS_MPEG2
        return cls(raw[:4], version == 3, _RATES[version][rate], table[kbps] * 1000)

    @property
    def samples(self) -> int:
        """Samples in a frame."""
        return 1152 if self.mpeg1 else 576

    @property
    def side_information(self) -> int:
        """Bytes between the header and the sound."""
        mono = self.raw[3] >> 6 == 3
        if self.mpeg1:
            return 17 if mono else 32
        return 9 if mono else 17

    @property
    def data_at(self) -> int:
        """Where the sound's data lies in a frame without a checksum, if it does not begin in earlier ones."""
        return _HEADER + self.side_information

    @property
    def reach(self) -> int:
        """How many bytes of earlier frames' data a frame's own may begin in."""
        return 511 if self.mpeg1 else 255

    @property
    def size(self) -> int:
        """Bytes of a frame without the padding byte that some frames have."""
        return self.samples // 8 * self.bit_rate // self.sample_rate

    @property
    def info(self) -> FrameHeader:
        """Of the frame before all others: like this one, if that has room for what it tells, or else the largest."""
        # Not protected by a checksum, and without the padding byte, whatever the first real frame is.
        plain = FrameHeader.parse(bytes((self.raw[0], self.raw[1] | 1, self.raw[2] & 0b11111101, self.raw[3])))
        return plain if plain.size >= plain.data_at + _TOLD else plain.largest()

    def largest(self) -> FrameHeader:
        """Of a frame like this one at the highest bit rate, without the padding byte."""
        rates = _HIGHEST_RATE << 4 | self.raw[2] & 0b1100
        return FrameHeader.parse(bytes((self.raw[0], self.raw[1], rates, self.raw[3])))


def info_frame(
    first: FrameHeader, *, frames: int = 0, size: int = 0, samples: int = 0, delay: int = ENCODER_DELAY
) -> bytes:
    """The frame to put before all others.

    Args:
        first: Header of the first real frame.
        frames: How many real frames follow. 0: not known yet.
        size: Bytes of the whole file, this frame included.
        samples: How many samples are to be heard.
        delay: How many samples the encoder put before them.
    """
    head, padding = first.info, 0
    counts = struct.pack(">4sII", b"Info", _HAS_BYTES, _LARGEST)
    if frames:
        padding = min(max(frames * first.samples - delay - samples, 0), _MOST_PADDING)
        counts = struct.pack(">4sIII", b"Info", _HAS_FRAMES | _HAS_BYTES, frames, size)
    lame = struct.pack(">9s12x3s", b"LAME3.100", (delay << 12 | padding).to_bytes(3))
    return (head.raw.ljust(head.data_at, b"\0") + counts + lame).ljust(head.size, b"\0")


def begins_frames(data: bytes, at: int) -> bool:
    """Whether frames of one sample rate follow each other from there on."""
    rates: set[int] = set()
    for _ in range(_CERTAIN):
        if len(data) < at + _HEADER:
            return False
        try:
            frame = FrameHeader.parse(data[at : at + _HEADER])
        except ValueError:
            return False
        rates.add(frame.sample_rate)
        at += frame.size + (frame.raw[2] >> 1 & 1)
    return len(rates) == 1


def frames_in(size: int, first: FrameHeader) -> int:
    """How many frames of a constant bit rate `size` bytes hold.

    Frames differ by the padding byte, which the encoder sets so that the average is exact.
    """
    return round(size * 8 * first.sample_rate / (first.bit_rate * first.samples))


def comment_tag(comment: str) -> bytes:
    """An ID3v2.3 tag to put before everything.

    Args:
        comment: In ASCII.
    """
    body = b"\0eng\0" + comment.encode("ascii", errors="replace")
    frame = struct.pack(">4sIH", b"COMM", len(body), 0) + body
    size = len(frame)
    # Seven bits in a byte, so that no decoder takes the size for a frame's start.
    return b"ID3\x03\0\0" + bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0)) + frame


def tag_size(head: bytes) -> int:
    """Bytes of the ID3v2 tag that a file begins with; 0 if it begins with none."""
    if head[:3] != b"ID3" or len(head) < _TAG_HEADER:
        return 0
    footer = _TAG_HEADER if head[5] & 0x10 else 0
    return (
        _TAG_HEADER
        + footer
        + sum((byte & 0x7F) << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True))
    )

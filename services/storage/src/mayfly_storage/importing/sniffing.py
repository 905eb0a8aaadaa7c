"""What a file holds, by its first bytes. A name's ending says what somebody believed.

Sources: RFC 9639 (FLAC), RFC 3533 (Ogg), ISO/IEC 14496-12 (ftyp), ISO/IEC 13818-7 (ADTS), the RIFF, AIFF, CAF, ID3v2
and EBML specifications.
"""

from __future__ import annotations

import struct
from datetime import timedelta
from typing import Final

HEAD_BYTES: Final = 4096
"""How much of a file is looked at."""

_AUDIO_BRANDS: Final = frozenset(
    {b"M4A ", b"M4B ", b"mp41", b"mp42", b"isom", b"iso2", b"dash", b"avc1", b"3gp4", b"3gp5"}
)
_ADTS_SYNC: Final = (0xFFF0, 0xFFF6)
_MPEG_SYNC: Final = (0xFFE0, 0xFFE0)


def content_type_of(head: bytes) -> str | None:
    """The content type; None for what is no audio that any collection could take.

    Args:
        head: The first bytes, `HEAD_BYTES` of them or all there are.
    """
    if head[:4] in {b"RIFF", b"RF64"} and head[8:12] == b"WAVE":
        return "audio/wav"
    for magic, content_type in _MAGIC.items():
        if head.startswith(magic):
            return content_type
    if head[:4] == b"FORM" and head[8:12] in {b"AIFF", b"AIFC"}:
        return "audio/aiff"
    if head[4:8] == b"ftyp" and head[8:12] in _AUDIO_BRANDS:
        return "audio/mp4"
    return _of_frames(head)


_MAGIC: Final = {
    b"OggS": "audio/ogg",
    b"fLaC": "audio/flac",
    b"caff": "audio/x-caf",
    b"\x1aE\xdf\xa3": "audio/webm",
    b"ID3": "audio/mpeg",
}


def _of_frames(head: bytes) -> str | None:
    """By the header of the first frame, where a file has no other."""
    if len(head) < 4:
        return None
    (word,) = struct.unpack(">H", head[:2])
    if word & _ADTS_SYNC[1] == _ADTS_SYNC[0]:
        return "audio/aac"
    layer, bit_rate, rate = word >> 1 & 3, head[2] >> 4, head[2] >> 2 & 3
    is_mpeg = word & _MPEG_SYNC[1] == _MPEG_SYNC[0] and layer == 1 and bit_rate not in {0, 15} and rate != 3
    return "audio/mpeg" if is_mpeg else None


def duration_of(head: bytes, size_bytes: int) -> timedelta | None:
    """The length of a WAV file by its header; None for everything else, and for a header that says nothing."""
    if head[:4] != b"RIFF" or head[8:12] != b"WAVE":
        return None
    place, rate = 12, 0
    while place + 8 <= len(head):
        name, size = head[place : place + 4], int.from_bytes(head[place + 4 : place + 8], "little")
        if name == b"fmt " and place + 20 <= len(head):
            rate = int.from_bytes(head[place + 16 : place + 20], "little")  # bytes in a second
        if name == b"data":
            held = min(size, max(0, size_bytes - place - 8))
            return timedelta(seconds=held / rate) if rate else None
        place += 8 + size + size % 2
    return None

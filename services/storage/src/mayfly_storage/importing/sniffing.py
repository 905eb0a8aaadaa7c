"""What a file holds, by its first bytes. A name's ending says what somebody believed.

Sources: RFC 9639 (FLAC), RFC 3533 (Ogg), ISO/IEC 14496-12 (ftyp, hdlr), ISO/IEC 13818-7 (ADTS), RFC 9559 (the codecs of
Matroska), the RIFF, AIFF, CAF, ID3v2 and EBML specifications.
"""

from __future__ import annotations

import re
import struct
from typing import Final

HEAD_BYTES: Final = 4096
"""How much of a file is looked at."""

_AUDIO_BRANDS: Final = frozenset(
    b"M4A |M4B |mp41|mp42|isom|iso2|iso3|iso4|iso5|iso6|dash|avc1|3gp4|3gp5|3gp6".split(b"|"),
)
_ADTS_SYNC: Final = (0xFFF0, 0xFFF6)
_MPEG_SYNC: Final = (0xFFE0, 0xFFE0)
_PICTURES: Final = re.compile(rb"hdlr.{8}vide|\x80theora|V_(?:VP8|VP9|AV1|MPEG)", re.DOTALL)
"""A track of moving pictures: in MP4, in Ogg, in WebM."""
_EBML: Final = b"\x1aE\xdf\xa3"
_MAGIC: Final = {
    b"OggS": "audio/ogg",
    b"fLaC": "audio/flac",
    b"caff": "audio/x-caf",
    b"ID3": "audio/mpeg",
}


def content_type_of(head: bytes) -> str | None:
    """The content type; None for what is no audio that any collection could take, and for video that shows at once.

    Args:
        head: The first bytes, `HEAD_BYTES` of them or all there are.
    """
    found = _of_container(head)
    if found is None:
        return _of_frames(head)
    return None if found in {"audio/mp4", "audio/ogg", "audio/webm"} and _PICTURES.search(head) else found


def _of_container(head: bytes) -> str | None:
    if head[:4] in {b"RIFF", b"RF64"} and head[8:12] == b"WAVE":
        return "audio/wav"
    if head[:4] == b"FORM" and head[8:12] in {b"AIFF", b"AIFC"}:
        return "audio/aiff"
    if head[4:8] == b"ftyp" and head[8:12] in _AUDIO_BRANDS:
        return "audio/mp4"
    if head.startswith(_EBML) and b"webm" in head[:64]:
        return "audio/webm"
    return next((content_type for magic, content_type in _MAGIC.items() if head.startswith(magic)), None)


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

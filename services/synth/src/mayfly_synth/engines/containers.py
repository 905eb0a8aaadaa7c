"""What a file is, by its first bytes: never by its name, and never by asking ffmpeg.

ffmpeg would guess among hundreds of formats, and some of those open what the file says. So the guess is ours, between
eight, and ffmpeg is told.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from mayfly_synth.domain.processing import Container
from mayfly_synth.domain.processing_errors import AudioUnreadableError
from mayfly_synth.engines.mp3 import LONGEST_FRAME, begins_frames, tag_size

HEAD_BYTES: Final = 64 * 1024
"""How much is looked at. An index that begins later is taken for one that stands at the end."""
_LONGEST_TAG: Final = 8 * 1024 * 1024
"""Pictures in it included. What is behind a longer one is taken for MP3, as that is whose tags these are."""

_PCM: Final = (
    "pcm_u8,pcm_s8,pcm_s16le,pcm_s16be,pcm_s24le,pcm_s24be,pcm_s32le,pcm_s32be,pcm_f32le,pcm_f32be,pcm_f64le,pcm_f64be,"
    "pcm_mulaw,pcm_alaw"
)
_MP3: Final = "mp3,mp3float"
_EBML: Final = b"\x1a\x45\xdf\xa3"
_SHORTEST: Final = 12
_MAGIC: Final = 4


@dataclass(frozen=True, slots=True)
class Demuxer:
    """How ffmpeg reads a container."""

    name: str
    codecs: str
    """The decoders that may be used for what is in it."""


DEMUXERS: Final = {
    Container.WAV: Demuxer("wav", f"{_PCM},{_MP3},adpcm_ima_wav,adpcm_ms"),
    Container.MP3: Demuxer("mp3", _MP3),
    Container.M4A: Demuxer("mov", f"aac,alac,opus,libopus,flac,{_MP3},{_PCM}"),
    Container.CAF: Demuxer("caf", f"aac,alac,opus,libopus,flac,adpcm_ima_qt,{_MP3},{_PCM}"),
    Container.FLAC: Demuxer("flac", "flac"),
    Container.OGG: Demuxer("ogg", "opus,libopus,vorbis,flac"),
    Container.AIFF: Demuxer("aiff", f"{_PCM},adpcm_ima_qt"),
    Container.WEBM: Demuxer("matroska", "opus,libopus,vorbis"),
}


@dataclass(frozen=True, slots=True)
class Detected:
    """What a file is."""

    container: Container
    needs_seeking: bool
    """Whether its index stands behind its sound, so that it cannot be read while it comes."""


def bytes_to_detect(head: bytes) -> int:
    """How much of a file `detect` has to see: what is behind its tag, too.

    Args:
        head: Its first `HEAD_BYTES`, or all of it.
    """
    behind = tag_size(head) + _MAGIC
    return behind if HEAD_BYTES < behind <= _LONGEST_TAG else HEAD_BYTES


def detect(head: bytes) -> Detected:
    """What a file is.

    Args:
        head: Its first `bytes_to_detect`, or all of it.

    Raises:
        AudioUnreadableError: If it is nothing that is taken.
    """
    if len(head) < _SHORTEST:
        raise AudioUnreadableError("it is empty." if not head else f"{len(head)} bytes are no audio.")
    container = _container(head)
    if container is None:
        raise AudioUnreadableError(_what_it_is_instead(head))
    return Detected(container, _needs_seeking(container, head))


def kind_of(data: bytes) -> Container | None:
    """What a file is; None: nothing that is taken."""
    return _container(data) if len(data) >= _SHORTEST else None


def _container(head: bytes) -> Container | None:
    tag = tag_size(head)
    if head.startswith(b"fLaC") or (tag and head[tag : tag + _MAGIC] == b"fLaC"):
        return Container.FLAC
    if tag or _is_mp3_frame(head):
        return Container.MP3
    return _by_magic(head) or (Container.MP3 if _is_cut_out_of_mp3(head) else None)


def _by_magic(head: bytes) -> Container | None:
    first, kind = head[:4], head[8:12]
    if first in (b"RIFF", b"RF64") and kind == b"WAVE":
        return Container.WAV
    if first == b"FORM" and kind in (b"AIFF", b"AIFC"):
        return Container.AIFF
    if head[4:8] == b"ftyp":
        return Container.M4A
    if first == _EBML and b"webm" in head[:64]:
        return Container.WEBM
    return {b"OggS": Container.OGG, b"caff": Container.CAF}.get(first)


def _is_mp3_frame(head: bytes) -> bool:
    """Whether it begins with the header of a Layer III frame. Layer 0, which is AAC's, is none."""
    return (
        head[0] == 0xFF
        and head[1] >> 5 == 7
        and head[1] >> 3 & 3 != 1
        and head[1] >> 1 & 3 == 1
        and head[2] >> 4 not in (0, 15)
        and head[2] >> 2 & 3 != 3
    )


def _is_cut_out_of_mp3(head: bytes) -> bool:
    """Whether it begins within a frame, as what is recorded off a stream does, and goes on with whole ones."""
    at = head.find(b"\xff", 0, LONGEST_FRAME)
    while at >= 0 and not begins_frames(head, at):
        at = head.find(b"\xff", at + 1, LONGEST_FRAME)
    return at >= 0


def _needs_seeking(container: Container, head: bytes) -> bool:
    if container is Container.M4A:
        return not _comes_first(head, b"moov", before=b"mdat", start=0, header=">I4s", outer=0)
    if container is Container.AIFF:
        return not _comes_first(head, b"COMM", before=b"SSND", start=12, header=">4sI", outer=8)
    if container is Container.CAF:
        # Samples of one size need no table; others do, and most writers put it last.
        bytes_per_packet = struct.unpack_from(">I", head, 36)[0] if head[8:12] == b"desc" and len(head) >= 40 else 0
        return not bytes_per_packet and not _comes_first(
            head, b"pakt", before=b"data", start=8, header=">4sQ", outer=12
        )
    return False


def _comes_first(head: bytes, wanted: bytes, *, before: bytes, start: int, header: str, outer: int) -> bool:
    """Whether a chunk of one kind comes before one of another.

    Args:
        head: The start of the file.
        wanted: The kind that should come first.
        before: The other one.
        start: Where the first chunk begins.
        header: Kind and size, as `struct` writes them.
        outer: Bytes of the chunk's header that its size does not count.
    """
    at = start
    while at + struct.calcsize(header) <= len(head):
        fields = struct.unpack_from(header, head, at)
        kind, size = fields if isinstance(fields[0], bytes) else fields[::-1]
        if kind in (wanted, before):
            return bool(kind == wanted)
        if size + outer < struct.calcsize(header):
            return False
        at += size + outer + (size % 2 if outer == 8 else 0)
    return False


_OTHERS: Final = (
    (b"#EXTM3U", "it is a playlist."),
    (b"<?xml", "it is XML."),
    (b"<MPD", "it is a manifest."),
    (b"ffconcat", "it is a script for ffmpeg."),
    (b"\x89PNG", "it is an image."),
    (b"\xff\xd8\xff", "it is an image."),
    (b"GIF8", "it is an image."),
    (b"%PDF", "it is a PDF."),
    (b"PK\x03\x04", "it is an archive."),
    (b"\xff\xf1", "it is raw AAC without a container; put it into M4A."),
    (b"\xff\xf9", "it is raw AAC without a container; put it into M4A."),
)


def _what_it_is_instead(head: bytes) -> str:
    for magic, told in _OTHERS:
        if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(magic):
            return told
    return "its content is none of the kinds that are taken."

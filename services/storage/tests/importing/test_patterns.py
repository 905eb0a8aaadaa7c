"""Patterns of paths, and what the first bytes of a file say."""

from __future__ import annotations

import struct
from datetime import timedelta

import pytest

from mayfly_storage.importing.patterns import Pattern, PatternError, chosen
from mayfly_storage.importing.sniffing import HEAD_BYTES, content_type_of
from mayfly_storage.importing.wav import Wav


def wav(seconds: float, *, rate: int = 8_000, extra: bytes = b"") -> bytes:
    data = bytes(int(seconds * rate) * 2)
    fmt = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, rate, rate * 2, 2, 16)
    body = b"WAVE" + fmt + extra + b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


@pytest.mark.parametrize(
    ("pattern", "path", "fields"),
    [
        ("*", "tts_1.wav", {}),
        ("tts_*.{ext}", "tts_20250101.wav", {"ext": "wav"}),
        ("{user_id}/{recording_id}.{ext}", "u1/r.1.m4a", {"user_id": "u1", "recording_id": "r", "ext": "1.m4a"}),
        ("{user_id}/{session_id}/segment_{index}.mp3", "u/s/segment_001.mp3", {"index": "001"}),
        ("a+b/{x}", "a+b/c", {"x": "c"}),
    ],
)
def test_fields_are_read_from_a_path(pattern: str, path: str, fields: dict[str, str]) -> None:
    found = Pattern(pattern).fields_of(path)
    assert found is not None
    assert found | fields == found


@pytest.mark.parametrize(("pattern", "path"), [("*", "a/b.wav"), ("{a}/{b}", "x"), ("a.wav", "axwav"), ("{a}", "")])
def test_what_does_not_match_has_no_fields(pattern: str, path: str) -> None:
    assert Pattern(pattern).fields_of(path) is None


@pytest.mark.parametrize("pattern", ["", "{", "}", "{}", "{a b}", "{1}", "{a}/{a}"])
def test_a_pattern_that_cannot_be_read_says_why_and_how_one_looks(pattern: str) -> None:
    with pytest.raises(PatternError, match=r"\{user_id\}/\{recording_id\}\.\{ext\}"):
        Pattern(pattern)


def test_who_and_what_storage_knows_itself_are_no_key_fields() -> None:
    fields = {"user_id": "u", "ext": "wav", "date": "2025-01-01", "recording_id": "r"}
    assert chosen(fields) == {"recording_id": "r"}


@pytest.mark.parametrize(
    ("head", "content_type"),
    [
        (wav(0.1), "audio/wav"),
        (b"RF64\xff\xff\xff\xffWAVEds64", "audio/wav"),
        (b"RIFF\0\0\0\0AVI LIST", None),
        (b"OggS\0\x02", "audio/ogg"),
        (b"fLaC\0\0\0\x22", "audio/flac"),
        (b"caff\0\1\0\0", "audio/x-caf"),
        (b"FORM\0\0\0\0AIFFCOMM", "audio/aiff"),
        (b"FORM\0\0\0\0AIFCFVER", "audio/aiff"),
        (b"FORM\0\0\0\0ILBMBMHD", None),
        (b"\0\0\0\x20ftypM4A \0\0\0\0", "audio/mp4"),
        (b"\0\0\0\x20ftypheic\0\0\0\0", None),
        (b"\0\0\0\x20ftypiso5\0\0\0\0", "audio/mp4"),
        (b"\0\0\0\x20ftypisom\0\0\0\0moov\0\0\0\x21hdlr" + bytes(8) + b"soun", "audio/mp4"),
        (b"\0\0\0\x20ftypisom\0\0\0\0moov\0\0\0\x21hdlr" + bytes(8) + b"vide", None),
        (b"OggS\0\x02" + bytes(22) + b"\x80theora", None),
        (b"\x1aE\xdf\xa3\x9fB\x86\x81\x01B\x82\x84webm...A_OPUS", "audio/webm"),
        (b"\x1aE\xdf\xa3\x9fB\x86\x81\x01B\x82\x84webm...V_VP9", None),
        (b"\x1aE\xdf\xa3\xa3B\x86\x81\x01B\x82\x88matroska", None),
        (b"ID3\x04\0\0", "audio/mpeg"),
        (b"\xff\xfb\x90\x64", "audio/mpeg"),
        (b"\xff\xf3\x84\x64", "audio/mpeg"),
        (b"\xff\xf1\x50\x80", "audio/aac"),
        (b"\xff\xff\xff\xff", None),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", None),
        (b"\x89PNG\r\n\x1a\n", None),
        (b"#EXTM3U\n", None),
        (b"<html>", None),
        (b"MZ", None),
        (b"", None),
    ],
)
def test_the_first_bytes_say_what_a_file_holds(head: bytes, content_type: str | None) -> None:
    assert content_type_of(head) == content_type


def read(head: bytes, size_bytes: int | None = None) -> Wav:
    found = Wav.read(head, len(head) if size_bytes is None else size_bytes)
    assert found is not None
    return found


def test_a_wav_file_says_how_long_it_is() -> None:
    assert read(wav(1.5)).duration == timedelta(seconds=1.5)
    assert read(wav(0.5, extra=b"LIST\x03\0\0\0abc\0")).duration == timedelta(seconds=0.5)
    assert Wav.read(b"ID3", 3) is None


def test_a_header_that_ends_later_than_was_looked_says_nothing_and_is_not_damaged() -> None:
    tagged = wav(0.5, extra=b"LIST" + (8000).to_bytes(4, "little") + bytes(8000))
    found = read(tagged[:HEAD_BYTES], len(tagged))
    assert found.duration is None
    assert not found.damage


@pytest.mark.parametrize("announced", [0xFFFF_FFFF, 0x7FFF_F000, 0x7FFF_FFFF])
def test_a_length_that_its_writer_did_not_know_is_that_of_what_is_there(announced: int) -> None:
    streamed = wav(1.5).replace((24_000).to_bytes(4, "little"), announced.to_bytes(4, "little"))
    assert read(streamed).duration == timedelta(seconds=1.5)
    assert not read(streamed).damage


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (wav(1.5)[:-1], "announces 24000 bytes of sound, 23999 are there"),
        (wav(1.5)[:44], "announces 24000 bytes of sound, 0 are there"),
        (wav(1.5)[:36], "announces no sound"),
        (b"RIFF\0\0\0\0WAVE", "no format"),
        (b"RIFF\0\0\0\0WAVEdata\0\0\0\0", "no format"),
    ],
)
def test_a_wav_file_that_is_not_whole_says_so(body: bytes, said: str) -> None:
    assert said in read(body).damage

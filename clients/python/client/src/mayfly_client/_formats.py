"""Audio formats: names for people, file suffixes, MIME types."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING

from mayfly.synth.v1 import voice_pb2

from mayfly_client._argument_error import ArgumentError

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Format:
    """A container with its codec."""

    name: str
    value: voice_pb2.AudioFormat.ValueType
    suffixes: tuple[str, ...]


_FORMATS = (
    Format("wav", voice_pb2.AUDIO_FORMAT_WAV, (".wav",)),
    Format("mp3", voice_pb2.AUDIO_FORMAT_MP3, (".mp3",)),
    Format("opus", voice_pb2.AUDIO_FORMAT_OPUS, (".opus", ".ogg")),
    Format("aac", voice_pb2.AUDIO_FORMAT_AAC, (".m4a", ".aac")),
    Format("flac", voice_pb2.AUDIO_FORMAT_FLAC, (".flac",)),
    Format("pcm", voice_pb2.AUDIO_FORMAT_PCM, (".pcm", ".raw")),
    Format("mulaw", voice_pb2.AUDIO_FORMAT_MULAW, (".ulaw", ".mulaw")),
    Format("alaw", voice_pb2.AUDIO_FORMAT_ALAW, (".alaw",)),
)

FORMATS: Mapping[str, Format] = {each.name: each for each in _FORMATS}
"""By name."""

# Not the standard library's table: that one reads the system's files and answers differently on each machine.
_CONTENT_TYPES: Mapping[str, str] = {
    ".wav": "audio/wav",
    ".mp3": "audio/mpeg",
    ".opus": "audio/ogg",
    ".ogg": "audio/ogg",
    ".m4a": "audio/mp4",
    ".mp4": "audio/mp4",
    ".aac": "audio/aac",
    ".flac": "audio/flac",
    ".caf": "audio/x-caf",
    ".aif": "audio/aiff",
    ".aiff": "audio/aiff",
    ".webm": "audio/webm",
}


def format_value(name: str | None) -> voice_pb2.AudioFormat.ValueType:
    """The contract's value for a name; without one, the value that means the server's default."""
    if name is None:
        return voice_pb2.AUDIO_FORMAT_UNSPECIFIED
    found = FORMATS.get(name.lower())
    if found is None:
        raise ArgumentError(f"format {name!r} is unknown; use one of {', '.join(FORMATS)}")
    return found.value


def format_of_file(path: str | PurePath) -> str | None:
    """The name of the format that a file's suffix stands for; None if it stands for none."""
    suffix = PurePath(path).suffix.lower()
    return next((each.name for each in _FORMATS if suffix in each.suffixes), None)


def content_type_of_file(path: str | PurePath) -> str:
    """The MIME type that a file's suffix stands for."""
    suffix = PurePath(path).suffix.lower()
    if suffix not in _CONTENT_TYPES:
        known = ", ".join(_CONTENT_TYPES)
        problem = f"cannot tell the content type of a {suffix or 'suffixless'} file"
        raise ArgumentError(problem, argument="content_type", wanted=f", or a file that ends in {known}")
    return _CONTENT_TYPES[suffix]

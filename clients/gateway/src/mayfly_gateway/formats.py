"""Formats by the names that callers use, and the types that files of them have."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

FormatName = Literal["wav", "mp3", "opus", "aac", "flac", "pcm", "mulaw", "alaw"]


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """One format."""

    name: FormatName
    content_type: str
    suffix: str


_ALL: Final = (
    AudioFormat("wav", "audio/wav", "wav"),
    AudioFormat("mp3", "audio/mpeg", "mp3"),
    AudioFormat("opus", "audio/ogg", "opus"),
    AudioFormat("aac", "audio/mp4", "m4a"),
    AudioFormat("flac", "audio/flac", "flac"),
    AudioFormat("pcm", "audio/L16", "pcm"),
    AudioFormat("mulaw", "audio/basic", "ulaw"),
    AudioFormat("alaw", "audio/x-alaw-basic", "alaw"),
)
FORMATS: Final[Mapping[str, AudioFormat]] = {each.name: each for each in _ALL}

# What browsers and phones call the same things.
_OTHER_NAMES: Final[Mapping[str, str]] = {
    "audio/x-m4a": "audio/m4a",
    "audio/wave": "audio/wav",
    "audio/x-wav": "audio/wav",
    "audio/vnd.wave": "audio/wav",
    "audio/mp3": "audio/mpeg",
    "audio/x-flac": "audio/flac",
    "audio/opus": "audio/ogg",
    "audio/x-aac": "audio/aac",
    "audio/x-aiff": "audio/aiff",
    "video/webm": "audio/webm",
    "video/mp4": "audio/mp4",
}
_BY_SUFFIX: Final[Mapping[str, str]] = {
    ".wav": "audio/wav",
    ".mp3": "audio/mpeg",
    ".m4a": "audio/m4a",
    ".mp4": "audio/mp4",
    ".ogg": "audio/ogg",
    ".opus": "audio/ogg",
    ".aac": "audio/aac",
    ".flac": "audio/flac",
    ".caf": "audio/x-caf",
    ".webm": "audio/webm",
    ".aif": "audio/aiff",
    ".aiff": "audio/aiff",
}


def name_of(content_type: str) -> str:
    """The format of a stored file; its content type, if we have no name for it."""
    bare = _bare(content_type)
    return next((each.name for each in _ALL if each.content_type.lower() == bare), bare)


def content_type_of(told: str | None, file_name: str | None) -> str:
    """What an upload is: as it says, in the words that storage knows; by its file's name, where it says nothing of use.

    Storage decides whether that is taken.
    """
    bare = _bare(told or "")
    if bare.startswith("audio/") or bare in _OTHER_NAMES:
        return _OTHER_NAMES.get(bare, bare)
    return _BY_SUFFIX.get(PurePosixPath(file_name or "").suffix.lower(), bare or "application/octet-stream")


def _bare(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()

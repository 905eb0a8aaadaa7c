"""Formats by the names that callers use, and the types and suffixes that files of them have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """One format."""

    name: str
    content_type: str
    suffix: str


_ALL: Final = (
    AudioFormat("wav", "audio/wav", "wav"),
    AudioFormat("mp3", "audio/mpeg", "mp3"),
    AudioFormat("opus", "audio/ogg", "opus"),
    AudioFormat("aac", "audio/mp4", "m4a"),
    AudioFormat("flac", "audio/flac", "flac"),
    AudioFormat("pcm", "audio/L16", "pcm"),
)
FORMATS: Final[Mapping[str, AudioFormat]] = {each.name: each for each in _ALL}
PAGE_FORMATS: Final = ("wav", "mp3", "opus", "aac", "flac")
"""What browsers play and people know."""


def name_of(content_type: str) -> str:
    """The format of a stored file; its content type, if we have no name for it."""
    bare = content_type.partition(";")[0].strip().lower()
    return next((each.name for each in _ALL if each.content_type.lower() == bare), bare)

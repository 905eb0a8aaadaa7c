"""Where the older systems kept their audio, on their disks and in their buckets: the rules that read their paths.

The letters are those of the systems that Mayfly replaces; `docs/migration.md` says which is which.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from mayfly_storage.importing.patterns import Pattern
from mayfly_storage.importing.rules import Rule

if TYPE_CHECKING:
    from collections.abc import Mapping


def _rule(collection: str, pattern: str, **fields: str) -> Rule:
    return Rule(collection=collection, pattern=Pattern(pattern), fields=fields)


def _diagnosis(kind: str) -> Rule:
    # The key's own timestamp is that of the import. The old one stays in the name, or two errors of a type would meet.
    pattern = f"{kind}-{{timestamp}}-{{request_id}}.{{ext}}"
    return _rule("debug", pattern, kind=kind, request_id="{timestamp}-{request_id}")


LAYOUTS: Final[Mapping[str, tuple[Rule, ...]]] = MappingProxyType(
    {
        "system-a": (
            _rule("temp-audio", "tts_*.{ext}"),
            _rule("temp-audio", "temp-audio/{date}/{audio_id}.{ext}"),
        ),
        "system-b": (
            _rule("speech-sessions", "audio/users/{user_id}/{session_id}/segment_{index}.{ext}"),
            _rule("speech-sessions", "audio/anonymous/{session_id}/segment_{index}.{ext}"),
            # On its disk, a session is named {epoch}_{user}, and nothing else says whose it is.
            _rule("speech-sessions", "{timestamp}_anonymous/segment_{index}.{ext}", session_id="{timestamp}_anonymous"),
            _rule("speech-sessions", "{timestamp}_{user_id}/segment_{index}.{ext}", session_id="{timestamp}_{user_id}"),
        ),
        "system-c": (_rule("recordings", "users/{user_id}/recordings/{recording_id}/audio.{ext}"),),
        "system-d": tuple(map(_diagnosis, ("debug-input", "debug-output", "error-input", "error-output"))),
        "system-e": (
            _rule("pitches", "pitches/{pitch_id}/original_file.{ext}"),
            _rule("pitches", "pitches/{pitch_id}/processed/{filename}"),
            _rule("processing", "processed-audio/{project_id}/{pitch_id}/{filename}"),
        ),
    }
)


class UnknownLayoutError(ValueError):
    """No layout has this name."""

    def __init__(self, name: str) -> None:
        """Take the name that was asked for."""
        super().__init__(f"there is no layout {name!r}. Use one of: {', '.join(LAYOUTS)}")


def layout(name: str) -> tuple[Rule, ...]:
    """The rules of an older system. Raises UnknownLayoutError."""
    try:
        return LAYOUTS[name]
    except KeyError:
        raise UnknownLayoutError(name) from None

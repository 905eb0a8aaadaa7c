"""How the paths of a folder are read: `{user_id}/{recording_id}.{ext}`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_PIECE: Final = re.compile(r"\{(\w*)\}|(\*)|([^{}*]+)")
USER: Final = "user_id"
_SAID_ELSEWHERE: Final = frozenset({"ext", "date", "audio_id", "timestamp"})
"""Storage fills these in itself."""


class PatternError(ValueError):
    """The pattern cannot be read."""

    def __init__(self, text: str, reason: str) -> None:
        """Take the pattern, and what is wrong with it."""
        super().__init__(
            f"the pattern {text!r} {reason}. Write {{name}} for a field, * for anything within a folder or file name, "
            "and everything else as it is: {user_id}/{recording_id}.{ext}"
        )


class Pattern:
    """Fields of a path. A field matches within one component; so does `*`."""

    def __init__(self, text: str) -> None:
        """Read a pattern. Raises PatternError."""
        self.text = text
        pieces = list(_pieces(text))
        self.fields = frozenset(name for name in _names(pieces))
        if len(self.fields) != sum(1 for _ in _names(pieces)):
            raise PatternError(text, "names a field twice")
        self._regex = re.compile("".join(map(_expression, pieces)))

    def fields_of(self, path: str) -> dict[str, str] | None:
        """The fields of a path with `/` between its components; None if it does not match."""
        match = self._regex.fullmatch(path)
        return match.groupdict() if match else None


def chosen(fields: dict[str, str]) -> dict[str, str]:
    """Those that are key fields: neither the user nor what storage fills in itself."""
    return {name: value for name, value in fields.items() if name != USER and name not in _SAID_ELSEWHERE}


def _pieces(text: str) -> Iterator[tuple[str, str]]:
    if not text:
        raise PatternError(text, "is empty")
    place = 0
    for match in _PIECE.finditer(text):
        if match.start() != place or match[1] == "" or (match[1] or "x")[0].isdigit():
            raise PatternError(text, f"cannot be read at character {place + 1}")
        place = match.end()
        yield ("field", match[1]) if match[1] else ("any", "*") if match[2] else ("text", match[3])
    if place != len(text):
        raise PatternError(text, f"cannot be read at character {place + 1}")


def _names(pieces: list[tuple[str, str]]) -> Iterator[str]:
    """The names of the fields, in order."""
    return (name for kind, name in pieces if kind == "field")


def _expression(piece: tuple[str, str]) -> str:
    kind, text = piece
    if kind == "field":
        return f"(?P<{text}>[^/]+?)"
    return "[^/]*?" if kind == "any" else re.escape(text)

"""From an object key to a path below `objects/`, and never to any other."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mayfly_storage.domain.errors import InvalidAudioError

if TYPE_CHECKING:
    from pathlib import Path

_NAME_MAX: Final = 255
"""Bytes of one name on every file system that we know; many say so themselves, and some lie."""
_PATH_MAX: Final = 4000
"""Linux takes 4,095 bytes; a staged name has to fit as well."""
_FIELD: Final = "audio.key_fields"


@dataclass(frozen=True, slots=True)
class KeyPaths:
    """The only place where a key becomes a path. Keys are checked when they are made; this is the second fence."""

    root: Path
    """Resolved."""

    def of(self, key: str) -> Path:
        """Where the bytes of a key lie. Raises InvalidAudioError for what no path below the root can be."""
        parts = key.split("/")
        if not all(parts) or {".", ".."} & set(parts) or "\0" in key:
            raise InvalidAudioError(_FIELD, "they make an object key that is no path; leave out '/', '.' and '..'")
        if any(len(os.fsencode(part)) > _NAME_MAX for part in parts):
            raise InvalidAudioError(_FIELD, f"one is too long for a file name of at most {_NAME_MAX} bytes in UTF-8")
        path = self.root.joinpath(*parts)
        if len(os.fsencode(path)) > _PATH_MAX:
            raise InvalidAudioError(_FIELD, f"together they are too long for a path of at most {_PATH_MAX} bytes")
        if not path.parent.resolve().is_relative_to(self.root):
            raise InvalidAudioError(_FIELD, "they lead out of the data folder")
        return path

    def find(self, key: str) -> Path | None:
        """Where the bytes of a key would lie; None for keys at which nothing can."""
        try:
            return self.of(key)
        except InvalidAudioError:
            return None

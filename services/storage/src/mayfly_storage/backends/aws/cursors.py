"""Cursors: opaque to callers, and refused where they do not belong."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from mayfly_storage.domain.errors import PageTokenInvalidError

if TYPE_CHECKING:
    from mayfly_storage.domain.ports import AudioFilter

Places: TypeAlias = dict[str, list[str]]
"""Where a listing stands: for each of its parts the key of what was answered last."""
_LONGEST: Final = 1024
"""Bytes of a key in S3, and of a sort key in DynamoDB."""


@dataclass(frozen=True, slots=True)
class CursorFormat:
    """Cursors of one listing with one set of filters."""

    kind: str
    scope: str

    def encode(self, places: Places) -> str:
        """Base64url of JSON, without padding."""
        text = json.dumps([self.kind, self.scope, places], separators=(",", ":"))
        return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()

    def decode(self, cursor: str) -> Places:
        """Read it back. Raises PageTokenInvalidError for cursors of others."""
        try:
            padded = cursor + "=" * (-len(cursor) % 4)
            kind, scope, places = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        except (ValueError, TypeError, RecursionError):
            raise PageTokenInvalidError from None
        if (kind, scope) != (self.kind, self.scope) or not _are_places(places):
            raise PageTokenInvalidError
        return dict(places)


def scope_of(wanted: AudioFilter) -> str:
    """Tells cursors of different filters apart, without their values."""
    return hashlib.sha256(repr(wanted).encode()).hexdigest()[:16]


def _are_places(value: object) -> bool:
    return isinstance(value, dict) and all(
        isinstance(place, list) and all(isinstance(part, str) and _can_be_ours(part) for part in place)
        for place in value.values()
    )


def _can_be_ours(part: str) -> bool:
    """Whether it could be part of a key: AWS takes no longer ones, text is text, and no answer in XML can hold NUL."""
    try:
        return 0 < len(part.encode()) <= _LONGEST and "\0" not in part
    except UnicodeEncodeError:
        return False

"""Cursors: opaque to callers, and refused if they are not ours."""

from __future__ import annotations

import base64
import json

from mayfly_storage.domain.errors import PageTokenInvalidError


def encode(kind: str, *position: str | int) -> str:
    """A cursor of one kind of listing."""
    return base64.urlsafe_b64encode(json.dumps([kind, *position]).encode()).decode()


def decode(kind: str, cursor: str, shape: tuple[type, ...]) -> list[str | int]:
    """The position in a cursor. Raises PageTokenInvalidError unless it is of this kind and shape."""
    try:
        parts = json.loads(base64.b64decode(cursor, altchars=b"-_", validate=True))
    except (ValueError, TypeError, RecursionError):
        raise PageTokenInvalidError from None
    if not isinstance(parts, list) or [type(part) for part in parts] != [str, *shape] or parts[0] != kind:
        raise PageTokenInvalidError
    if not all(_can_be_ours(part) for part in parts):
        raise PageTokenInvalidError
    return parts[1:]


def _can_be_ours(part: str | int) -> bool:
    """Whether SQLite and the file system could have said it."""
    if isinstance(part, int):
        return -(2**63) <= part < 2**63
    return not any(0xD800 <= ord(character) < 0xE000 for character in part) and "\0" not in part

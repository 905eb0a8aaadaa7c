"""Guests: a browser is known by a random number that only it and nobody else holds."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_KEY: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_SUBJECT: Final = "guest-"


def cookie_name(*, is_https: bool) -> str:
    """Name of the cookie. The prefix has browsers see to it that it is sent over TLS and to this host alone."""
    return "__Host-mayfly-guest" if is_https else "mayfly-guest"


def new_key() -> str:
    """A new guest's key: 256 random bits."""
    return secrets.token_urlsafe(32)


def key_in(cookies: Mapping[str, str], *, is_https: bool) -> str | None:
    """The key that a browser shows; None if it shows none, or something that we never gave."""
    key = cookies.get(cookie_name(is_https=is_https), "")
    return key if _KEY.fullmatch(key) else None


def subject_of(key: str) -> str:
    """What storage knows a guest by. The key cannot be had from it, so that a row opens nobody's history."""
    return _SUBJECT + hashlib.sha256(b"mayfly guest\0" + key.encode()).hexdigest()[:40]


def is_same(subject: str, other: str) -> bool:
    """Whether both are one guest, in constant time."""
    return hmac.compare_digest(subject.encode(), other.encode())

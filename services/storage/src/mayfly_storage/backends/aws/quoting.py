"""Percent-encoding as signature version 4 wants it; most of what is quoted needs none, which is found out first."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

if TYPE_CHECKING:
    from re import Match, Pattern

_SAFE: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~-"
_SAFE_IN_KEYS: Final = _SAFE + b"/"
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._~-]+")
_UNSAFE_IN_KEYS: Final = re.compile(r"[^A-Za-z0-9._~/-]+")
_ESCAPES: Final = 1024
"""Texts that are remembered: types, tokens and runs of such characters in links are few and come often."""


def quoted_key(key: str) -> str:
    """A key as it stands in a URL; slashes stay, dots are not resolved."""
    return key if not key.encode().translate(None, _SAFE_IN_KEYS) else _escaped(_UNSAFE_IN_KEYS, key)


def quoted(text: str) -> str:
    """A value as it stands in a query."""
    return text if not text.encode().translate(None, _SAFE) else _remembered(text)


@lru_cache(maxsize=_ESCAPES)
def _remembered(text: str) -> str:
    return _escaped(_UNSAFE, text)


def _escaped(unsafe: Pattern[str], text: str) -> str:
    return unsafe.sub(_escape, text)


def _escape(found: Match[str]) -> str:
    return _escaped_run(found[0])


@lru_cache(maxsize=_ESCAPES)
def _escaped_run(run: str) -> str:
    return quote(run, safe="")

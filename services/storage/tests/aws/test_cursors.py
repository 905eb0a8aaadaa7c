"""Cursors are read back, and lies about keys are refused before a store is asked."""

from __future__ import annotations

import pytest

from mayfly_storage.backends.aws.cursors import CursorFormat
from mayfly_storage.domain.errors import PageTokenInvalidError

OBJECTS = CursorFormat("objects", "temp-audio/")


@pytest.mark.parametrize("key", ["temp-audio/2026-01-15/a.wav", "ü", "x" * 1_024])
def test_a_cursor_is_read_back(key: str) -> None:
    assert OBJECTS.decode(OBJECTS.encode({"after": [key]})) == {"after": [key]}


@pytest.mark.parametrize("key", ["", "\0", "a\0b", "\ud800", "x" * 1_025])
def test_what_no_key_can_be_is_refused(key: str) -> None:
    with pytest.raises(PageTokenInvalidError):
        OBJECTS.decode(OBJECTS.encode({"after": [key]}))

"""Named places within save and delete where tests stop everything: a crash there must lose nothing and leak nothing."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol


class Failpoint(StrEnum):
    """Between which two steps of the protocol; docs/architecture.md says what each step does."""

    BEFORE_W1 = "before-W1"
    AFTER_W1 = "after-W1"
    BEFORE_W2 = "before-W2"
    """Where storage puts the bytes itself; through a grant, the caller does."""
    AFTER_W2 = "after-W2"
    BEFORE_W3 = "before-W3"
    """The object was looked at, and is what was announced."""
    AFTER_W3 = "after-W3"
    """Stored, and nobody was told: W4 is the answer."""
    BEFORE_D1 = "before-D1"
    AFTER_D1 = "after-D1"
    BEFORE_D2 = "before-D2"
    """At a chosen key, the eraser has the lease."""
    AFTER_D2 = "after-D2"
    AFTER_D3 = "after-D3"
    AFTER_NOTE = "after-note"
    """A tombstone that has to wait says that its bytes are gone."""
    BEFORE_RELEASE = "before-release"
    """A chosen key is about to be given back, and its tombstone to stay."""
    AFTER_RELEASE = "after-release"
    BEFORE_D4 = "before-D4"
    AFTER_D4 = "after-D4"
    BEFORE_ORPHAN = "before-orphan"
    """An object was listed, and no row owns it."""
    AFTER_ORPHAN_CLAIM = "after-orphan-claim"
    """Its key, which callers choose, is held by a tombstone."""
    AFTER_ORPHAN = "after-orphan"


class Reach(Protocol):
    """Called by the use cases at each failpoint on their way."""

    def __call__(self, point: Failpoint, /) -> None:
        """Return, and the use case goes on; or stop everything."""


def pass_by(point: Failpoint, /) -> None:
    """Go on: what happens wherever storage serves people."""

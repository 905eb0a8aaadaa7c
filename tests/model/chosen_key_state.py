"""What there is at a key that callers chose: its rows, its claim, its object, and how far everybody is."""

from __future__ import annotations

from typing import NamedTuple

FIRST, SECOND, SWEEPER = 0, 1, 2
"""Whose rows there are: the sweeper's is the tombstone under which it deletes an orphan."""
NOBODY = -1


class Row(NamedTuple):
    """A row; its id is never used again."""

    state: str = ""
    """PENDING, READY, DELETING, GONE; empty: not yet. A tombstone that has given its key back is as good as gone."""
    leased: bool = False
    """Its lease has not ended."""


class Writer(NamedTuple):
    """How far a writer is; `puts` are its PUTs under way."""

    step: str = "start"
    puts: int = 0
    sent: int = 0


class Eraser(NamedTuple):
    """How far an eraser is with which row."""

    step: str = "idle"
    row: int = NOBODY
    holds: bool = False
    """The row says that the lease is this eraser's, over or not."""
    signed: bool = False
    """The store takes its delete."""
    unanswered: bool = False
    """A first try of its delete may still land."""


class State(NamedTuple):
    """Everything there is."""

    rows: tuple[Row, Row, Row] = (Row(), Row(), Row())
    claim: int = NOBODY
    lies: int = NOBODY
    """Whose object lies at the key."""
    writers: tuple[Writer, Writer] = (Writer(), Writer())
    erasers: tuple[Eraser, Eraser] = (Eraser(), Eraser())
    stray: int = NOBODY
    """Under whose lease a delete was sent that nobody answered, and that may land late."""
    acknowledged: tuple[bool, bool] = (False, False)
    unwanted: bool = False
    """The first audio was deleted by its caller, or has expired."""

"""Copies in a mirror, of two audios that have a key one after the other. Copiers may stall for any time.

The rows and the first bucket are as the other models show them: a row is READY until it is unwanted, and a delete at a
key happens under its lease, or under the sweeper's own claim, as one step. What is new are copiers, who hold no claim:
the queue behind the RPCs, and the comparison. Whatever a copier has in its hand may be old.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from tests.model.search import Broken

if TYPE_CHECKING:
    from collections.abc import Iterator

FIRST, SECOND = 0, 1
NOBODY = -1


class Copier(NamedTuple):
    """How far a copier is with whose copy, and whose it saw when it looked."""

    step: str = "idle"
    mine: int = NOBODY
    saw: int = NOBODY


class State(NamedTuple):
    """Everything there is."""

    rows: tuple[str, str] = ("READY", "")
    """READY, DELETING, GONE; empty: not yet."""
    unwanted: tuple[bool, bool] = (False, False)
    copy: int = NOBODY
    """Whose bytes lie in the mirror."""
    copiers: tuple[Copier, Copier] = (Copier(), Copier())
    late: int = NOBODY
    """Whose PUT is under way, although nobody waits for it."""
    sure: tuple[bool, bool] = (False, False)
    """A copier has said that the copy is there."""
    erased: int = NOBODY
    """Whose copy was just seen to be gone: D3."""


Step = tuple[str, State]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What keeps the mirror right; each default is what `usecases/mirroring.py` does."""

    reads_row: bool = True
    """A copier reads the row after it has looked at the mirror, before it changes anything there."""
    takes_back: bool = True
    """A copier reads the row again after its PUT, and takes a copy back whose row has ended."""
    deletes_there: bool = True
    """D2 and D3 look in the mirror."""
    lists: bool = True
    """The mirror is listed, and what belongs to no row is deleted."""
    compares: bool = True
    """The comparison runs from time to time."""
    copies_are_orphans: bool = False
    """What lies where no row says so is an orphan, as with the fallback."""
    unique_etags: bool = True
    """Two audios never have one ETag: else they have the same bytes."""


@dataclass(frozen=True, slots=True)
class Mirror:
    """The model; `rules` says which variant."""

    rules: Rules = Rules()

    @property
    def initial(self) -> State:
        """The first audio is READY, and has no copy."""
        return State()

    def steps(self, s: State) -> Iterator[Step]:
        """All that may happen next."""
        yield from self._rows(s)
        yield from self._orphans(s)
        if s.late != NOBODY:
            yield "a late PUT gets lost, or is refused", s._replace(late=NOBODY)
            if s.copy == NOBODY:  # If-None-Match
                yield "a late PUT lands", s._replace(late=NOBODY, copy=s.late)
        for index, copier in enumerate(s.copiers):
            for label, after, following in self._copier(s, copier):
                other = s.copiers[1 - index]
                both = (after, other) if after <= other else (other, after)
                yield f"copier: {label}", following._replace(copiers=both)

    def _rows(self, s: State) -> Iterator[Step]:
        if s.rows == ("GONE", ""):
            yield "the second audio is saved at the key", s._replace(rows=("GONE", "READY"))
        for me, row in enumerate(s.rows):
            if row == "READY" and not s.unwanted[me]:
                yield f"{_NAMES[me]} is to be deleted", s._replace(unwanted=_with(s.unwanted, me, value=True))
            if row == "READY" and s.unwanted[me]:
                yield f"D1 of {_NAMES[me]}", s._replace(rows=_row(s, me, "DELETING"))
            if row == "DELETING":
                yield from self._erase(s, me)

    def _erase(self, s: State, me: int) -> Iterator[Step]:
        if not self.rules.deletes_there:
            yield f"D4 of {_NAMES[me]}", s._replace(rows=_row(s, me, "GONE"))
            return
        yield f"D2 of {_NAMES[me]} in the mirror", s._replace(copy=NOBODY)
        if s.copy == NOBODY:
            yield f"D3 of {_NAMES[me]}", s._replace(erased=me)
        if s.erased == me:
            yield f"D4 of {_NAMES[me]}", s._replace(rows=_row(s, me, "GONE"), erased=NOBODY)

    def _orphans(self, s: State) -> Iterator[Step]:
        if self.rules.lists and s.copy != NOBODY and self._is_orphan(s):
            yield "deletes an orphan", s._replace(copy=NOBODY)

    def _is_orphan(self, s: State) -> bool:
        return self.rules.copies_are_orphans or not any(row in {"READY", "DELETING"} for row in s.rows)

    def _copier(self, s: State, c: Copier) -> Iterator[tuple[str, Copier, State]]:
        if c.step == "idle":
            for me, row in enumerate(s.rows):
                if row == "READY":
                    yield f"begins with {_NAMES[me]}", Copier("look", me), s
            return
        yield "crashes", Copier(), s
        if c.step in {"look", "look again"}:
            yield "looks at the mirror", c._replace(step=_AFTER[c.step], saw=s.copy), s
        elif c.step == "row":
            yield "reads the row", *self._decide(s, c)
        elif c.step == "row again":
            yield "reads the row again", *self._end(s, c)
        elif c.step == "replace":
            yield "deletes another's copy", c._replace(step="put"), self._delete(s, c.saw)
        elif c.step == "take back":
            yield "takes its copy back", Copier(), self._delete(s, c.saw)
        elif c.step == "put":
            yield from self._put(s, c)

    def _decide(self, s: State, c: Copier) -> tuple[Copier, State]:
        if self.rules.reads_row and s.rows[c.mine] != "READY":
            return self._end(s, c)
        if c.saw == c.mine:
            return Copier(), s._replace(sure=_with(s.sure, c.mine, value=True))
        return c._replace(step="put" if c.saw == NOBODY else "replace"), s

    def _end(self, s: State, c: Copier) -> tuple[Copier, State]:
        if s.rows[c.mine] != "READY":
            mine = c.saw == c.mine and self.rules.takes_back
            return c._replace(step="take back") if mine else Copier(), s
        if c.saw != c.mine:
            return Copier(), s
        return Copier(), s._replace(sure=_with(s.sure, c.mine, value=True))

    def _put(self, s: State, c: Copier) -> Iterator[tuple[str, Copier, State]]:
        if s.copy == NOBODY:
            yield "puts the copy", c._replace(step="look again"), s._replace(copy=c.mine)
        else:
            yield "finds the key taken", Copier(), s
        if s.late == NOBODY:
            yield "gives up a PUT that is under way", Copier(), s._replace(late=c.mine)

    def _delete(self, s: State, saw: int) -> State:
        same = s.copy == saw or not self.rules.unique_etags
        return s._replace(copy=NOBODY) if same else s

    def broken(self, s: State) -> Broken | None:
        """The promise that a state breaks."""
        for me in (FIRST, SECOND):
            if s.sure[me] and s.rows[me] == "READY" and not s.unwanted[me] and s.copy != me:
                return Broken.LOST
        quiet = s.copiers == State().copiers and s.late == NOBODY
        return Broken.LEAK if quiet and self._survives(s) else None

    def _survives(self, s: State) -> bool:
        """Whether bytes of an ended audio stay, when all is swept and compared that there is to sweep and compare."""
        for me in (FIRST, SECOND):
            if s.unwanted[me] and s.rows[me] in {"READY", "DELETING"}:
                s = s._replace(rows=_row(s, me, "GONE"), copy=NOBODY if self.rules.deletes_there else s.copy)
        if self.rules.lists and self._is_orphan(s):
            s = s._replace(copy=NOBODY)
        if self.rules.compares and s.copy != NOBODY and "READY" in s.rows:
            s = s._replace(copy=s.rows.index("READY"))
        return s.copy != NOBODY and s.rows[s.copy] != "READY"


_NAMES = ("first", "second")
_AFTER = {"look": "row", "look again": "row again"}


def _with(values: tuple[bool, bool], index: int, *, value: bool) -> tuple[bool, bool]:
    return (value, values[1]) if index == FIRST else (values[0], value)


def _row(s: State, index: int, state: str) -> tuple[str, str]:
    return (state, s.rows[1]) if index == FIRST else (s.rows[0], state)

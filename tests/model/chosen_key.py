"""Two audios, one after the other, at a key that the caller chose; erasers of either may stall for any time.

A key with an audio id in it is one row's for ever. This one is claimed in W1, free after D4, and claimed again. There
is no clock here: periods of grace are for availability, so anything may be reaped at any time. What time does decide is
said by two assumptions: when a tombstone may go (`waits_for_puts`), and how long an eraser can be overtaken
(`waits_for_erasers`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from tests.model.search import Broken

if TYPE_CHECKING:
    from collections.abc import Iterator

FIRST, SECOND, SWEEPER = 0, 1, 2
"""Whose rows there are: the sweeper's is the tombstone under which it deletes an orphan."""
NOBODY = -1
NOTHING = 0
_ENDED = ("done", "failed", "dead")
_SPENT = ("done", "failed", "dead", "start")
_MOST_PUTS = (2, 1)
"""The first may have one under way that lands late; the second's would meet nobody new."""


class Object(NamedTuple):
    """What lies at the key."""

    owner: int
    etag: int


class Row(NamedTuple):
    """A row; its id is never used again."""

    state: str = ""
    """PENDING, READY, DELETING, GONE; empty: not yet."""
    etag: int = NOTHING


class Writer(NamedTuple):
    """How far a writer is; `puts` are its PUTs under way."""

    step: str = "start"
    puts: int = 0
    sent: int = 0
    etag: int = NOTHING


class Eraser(NamedTuple):
    """How far an eraser is with which row, and which object it means."""

    step: str = "idle"
    row: int = NOBODY
    etag: int = NOTHING
    looked: bool = False


class State(NamedTuple):
    """Everything there is."""

    rows: tuple[Row, Row, Row] = (Row(), Row(), Row())
    claim: int = NOBODY
    lies: Object | None = None
    writers: tuple[Writer, Writer] = (Writer(), Writer())
    erasers: tuple[Eraser, Eraser] = (Eraser(), Eraser())
    acknowledged: tuple[bool, bool] = (False, False)
    unwanted: bool = False
    """The first audio was deleted by its caller, or has expired."""


Step = tuple[str, State]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How the store and our code behave; each default is what `usecases/erasing.py` does on files."""

    claims: bool = True
    """W1 claims the key."""
    names_object: bool = True
    """D2 deletes the object that was committed, or that was seen under the row's claim, and no other."""
    looks_again: bool = True
    """Where another object lies than the one that was named, it is looked at, then the row is read."""
    rows_after_objects: bool = True
    """An object is looked at before the row is read that owns it, not after."""
    orphans_under_claim: bool = True
    """An orphan is deleted under a claim of the sweeper's own."""
    frees_stranded_claims: bool = True
    """A claim whose row was collected by the TTL is given up by the sweeper."""
    collects: bool = False
    """The TTL may collect rows (not claims: theirs come later)."""
    unique_etags: bool = True
    """Two writes never have one ETag: files, S3 with KMS. Else both audios have the same bytes, and so one ETag."""
    waits_for_puts: bool = True
    """D4 waits until no PUT of the row can land any more."""
    waits_for_erasers: bool = False
    """No eraser is overtaken by a D4 of the same row and all that follows: it stalls for less than that waits."""


@dataclass(frozen=True, slots=True)
class ChosenKey:
    """The model; `rules` says which variant."""

    rules: Rules = Rules()

    @property
    def initial(self) -> State:
        """Nobody has the key."""
        return State()

    def steps(self, s: State) -> Iterator[Step]:
        """All that may happen next."""
        for index in (FIRST, SECOND):
            for label, following in self._writer(s, index, s.writers[index]):
                yield f"{_NAMES[index]}: {label}", following
        if s.acknowledged[FIRST] and not s.unwanted:
            yield "the first audio is to be deleted", s._replace(unwanted=True)
        if self._may_collect(s):
            yield "the TTL collects the first row", _set_row(s, FIRST, Row("GONE"))
        for index, eraser in enumerate(s.erasers):
            for label, after, following in self._eraser(s, eraser):
                yield f"eraser: {label}", following._replace(erasers=_with(s.erasers, index, after))

    def _may_collect(self, s: State) -> bool:
        stalled = self.rules.waits_for_erasers and any(each.row == FIRST for each in s.erasers)
        return self.rules.collects and s.unwanted and s.rows[FIRST].state in {"READY", "DELETING"} and not stalled

    def _writer(self, s: State, me: int, w: Writer) -> Iterator[Step]:
        if w.step not in _SPENT:
            yield "crashes or gives up", _set_writer(s, me, w._replace(step="dead"))
        if w.step == "start" and (s.claim == NOBODY or not self.rules.claims) and _in_turn(s, me):
            reserved = _set_row(s, me, Row("PENDING"))._replace(claim=me)
            yield "W1 row PENDING", _set_writer(reserved, me, Writer("put"))
        elif w.step in {"put", "await"} and w.sent < _MOST_PUTS[me]:
            yield "W2 sends a PUT", _set_writer(s, me, Writer("await", w.puts + 1, w.sent + 1))
        elif w.step == "ready":
            fenced = s.rows[me].state != "PENDING"
            ready = s if fenced else _set_row(s, me, Row("READY", w.etag))
            yield "W3", _set_writer(ready, me, w._replace(step="failed" if fenced else "ack"))
        elif w.step == "ack":
            told = (s.acknowledged[FIRST] or me == FIRST, s.acknowledged[SECOND] or me == SECOND)
            yield "W4 acknowledges", _set_writer(s, me, w._replace(step="done"))._replace(acknowledged=told)
        if w.step == "await" and s.lies is not None:
            # By the PUT's own answer, or by the look that a commit takes: no matter which PUT it was.
            own = s.lies.owner == me
            after = w._replace(step="ready", etag=s.lies.etag) if own else w._replace(step="failed")
            yield "finds its object" if own else "finds another's object", _set_writer(s, me, after)
        if w.puts:
            yield from self._network(s, me, w._replace(puts=w.puts - 1))

    def _network(self, s: State, me: int, w: Writer) -> Iterator[Step]:
        yield "a PUT gets lost, or is refused", _set_writer(s, me, w)
        if s.lies is None:  # If-None-Match
            etag = 1 + w.puts + 2 * me if self.rules.unique_etags else 1
            yield "a PUT lands", _set_writer(s, me, w)._replace(lies=Object(me, etag))

    def _eraser(self, s: State, e: Eraser) -> Iterator[tuple[str, Eraser, State]]:
        if e.step == "idle":
            yield from self._begin(s)
        elif e.step == "look":
            seen = s.lies.etag if s.lies else NOTHING
            following = "read" if self.rules.rows_after_objects else "D2"
            yield "looks at the object", e._replace(step=following, etag=seen, looked=True), s
        elif e.step == "read":
            owned = "D2" if self.rules.rows_after_objects else "look"
            gone = s.rows[e.row].state == "GONE"
            yield "reads the row again", e._replace(step="D3" if gone else owned), s
        elif e.step == "D2":
            yield from self._d2(s, e)
        elif e.step == "D3":
            yield "D3 looks for the object", e._replace(step="D4") if s.lies is None else Eraser(), s
        elif e.step == "D4":
            yield "D4 removes row and claim, if they may go", Eraser(), self._remove(s, e)
        elif e.step == "listed":
            yield from self._orphan(s, e)
        elif e.step == "unclaimed":
            yield "deletes the orphan", Eraser(), s._replace(lies=None) if self._means(s, e) else s

    def _begin(self, s: State) -> Iterator[tuple[str, Eraser, State]]:
        for index, row in enumerate(s.rows):
            due = row.state == "PENDING" or (index == FIRST and row.state == "READY" and s.unwanted)
            if due:
                marked = _set_row(s, index, row._replace(state="DELETING"))
                yield f"D1 of {_NAMES[index]}", self._aim(index, row), marked
            elif row.state == "DELETING":
                yield f"resumes {_NAMES[index]}", self._aim(index, row), s
        if s.lies is not None and self._is_orphan(s):
            yield "lists an object without a row", Eraser("listed", etag=s.lies.etag), s

    def _aim(self, index: int, row: Row) -> Eraser:
        """What D2 is about: the committed object by its ETag; else whatever lies there under the row's claim."""
        if row.etag != NOTHING or not self.rules.names_object:
            return Eraser("D2", index, row.etag)
        return Eraser("look" if self.rules.rows_after_objects else "read", index, row.etag)

    def _d2(self, s: State, e: Eraser) -> Iterator[tuple[str, Eraser, State]]:
        if s.lies is None or self._means(s, e):
            yield "D2 deletes the object", e._replace(step="D3"), s._replace(lies=None)
        elif self.rules.looks_again and not e.looked:
            yield "D2 meets another object", e._replace(step="look"), s
        else:
            yield "D2 leaves another object alone", Eraser(), s

    def _means(self, s: State, e: Eraser) -> bool:
        return s.lies is not None and (s.lies.etag == e.etag or not self.rules.names_object)

    def _remove(self, s: State, e: Eraser) -> State:
        if s.rows[e.row].state != "DELETING" or not self._settled(s, e.row):
            return s
        removed = _set_row(s, e.row, Row("GONE"))
        return removed._replace(claim=NOBODY if s.claim == e.row else s.claim)

    def _settled(self, s: State, row: int) -> bool:
        if self.rules.waits_for_erasers and sum(each.row == row for each in s.erasers) > 1:
            return False
        if row == SWEEPER or not self.rules.waits_for_puts:
            return True
        return s.writers[row].step in _ENDED and not s.writers[row].puts

    def _is_orphan(self, s: State) -> bool:
        return s.claim == NOBODY or s.rows[s.claim].state == "GONE"

    def _orphan(self, s: State, e: Eraser) -> Iterator[tuple[str, Eraser, State]]:
        if not self.rules.orphans_under_claim:
            yield "sees no claim", Eraser("unclaimed", etag=e.etag) if self._is_orphan(s) else Eraser(), s
            return
        stranded = s.claim != NOBODY and s.rows[s.claim].state == "GONE" and self.rules.frees_stranded_claims
        if s.rows[SWEEPER].state == "" and (s.claim == NOBODY or stranded):
            claimed = _set_row(s, SWEEPER, Row("DELETING", e.etag))._replace(claim=SWEEPER)
            yield "claims the key", Eraser("D2", SWEEPER, e.etag), claimed
        else:
            yield "finds the key claimed", Eraser(), s

    def broken(self, s: State) -> Broken | None:
        """The promise that a state breaks."""
        for index in (FIRST, SECOND):
            wanted = s.acknowledged[index] and not (index == FIRST and s.unwanted)
            if wanted and (s.rows[index].state != "READY" or s.lies is None or s.lies.owner != index):
                return Broken.LOST
        quiet = all(w.step in _SPENT and not w.puts for w in s.writers) and s.erasers == State().erasers
        return Broken.LEAK if quiet and self._survives(s) else None

    def _survives(self, s: State) -> bool:
        """Whether anything is left that nobody acknowledged, after an eraser has done all that it finds to do."""
        for _ in range(3):
            while (work := next(iter(self._begin(s)), None)) is not None:
                _, eraser, following = work
                after = self._finish(following, eraser)
                if after == s:
                    break
                s = after
            s = _set_row(s, SWEEPER, Row())  # the next orphan's tombstone has an id of its own
        kept = [index for index in (FIRST, SECOND) if s.rows[index].state == "READY"]
        stays = s.claim != NOBODY and s.claim not in kept and s.rows[s.claim].state != "GONE"  # those the TTL collects
        return stays or (s.lies is not None and s.lies.owner not in kept)

    def _finish(self, s: State, eraser: Eraser) -> State:
        """What a lone eraser leaves when it has come to its end."""
        while eraser.step != "idle":
            _, eraser, s = next(iter(self._eraser(s, eraser)))
        return s


_NAMES = ("first", "second", "sweeper's")


def _in_turn(s: State, me: int) -> bool:
    """The two are alike, so the first may as well be the first."""
    return me == FIRST or s.rows[FIRST].state != ""


def _set_row(s: State, index: int, row: Row) -> State:
    rows = list(s.rows)
    rows[index] = row
    return s._replace(rows=(rows[0], rows[1], rows[2]))


def _set_writer(s: State, index: int, writer: Writer) -> State:
    return s._replace(writers=(writer, s.writers[1]) if index == FIRST else (s.writers[0], writer))


def _with(erasers: tuple[Eraser, Eraser], index: int, eraser: Eraser) -> tuple[Eraser, Eraser]:
    """The erasers after one took a step; they are alike, so their order says nothing."""
    other = erasers[1 - index]
    return (eraser, other) if eraser <= other else (other, eraser)

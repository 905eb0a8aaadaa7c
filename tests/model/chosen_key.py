"""Two audios, one after the other, at a key that the caller chose; erasers of either may stall for any time.

A key with an audio id in it is one row's for ever. This one is claimed in W1, free after D4, and claimed again. All
writes have one ETag, as equal bytes have in S3: nothing that a delete could name would tell the two audios apart. So an
eraser deletes under a lease, which the store itself ends: it refuses a request whose signature is over.

There is no clock here: periods of grace are for availability, so anything may be reaped, and a lease may end, at any
time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.model.chosen_key_state import FIRST, NOBODY, SECOND, SWEEPER, Eraser, Row, State, Writer
from tests.model.search import Broken

if TYPE_CHECKING:
    from collections.abc import Iterator

_ENDED = ("done", "failed", "dead")
_SPENT = ("done", "failed", "dead", "start")
_MOST_PUTS = (2, 1)
"""The first may have one under way that lands late; the second's would meet nobody new."""


Step = tuple[str, State]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How the store and our code behave; each default is what `usecases/erasing.py` does."""

    claims: bool = True
    """W1 claims the key."""
    leases: bool = True
    """An eraser takes the row's lease before it deletes."""
    lease_is_alone: bool = True
    """A lease is given only when the one before has ended."""
    deletes_end: bool = True
    """The store refuses a delete when the lease is over that it was signed under."""
    removes_by_lease: bool = True
    """D4 removes the row only if the lease is still this eraser's."""
    waits_for_answers: bool = True
    """Where a try of the delete was not answered, D4 waits for the end of the lease."""
    orphans_under_claim: bool = True
    """An orphan is deleted under a claim of the sweeper's own."""
    frees_stranded_claims: bool = True
    """A claim whose row was collected by the TTL is given up by the sweeper."""
    collects: bool = False
    """The TTL may collect rows (not claims: theirs come later)."""
    lease_outlives_ttl: bool = True
    """A row that is leased is not collected: the lease moves its TTL."""
    writes_once: bool = True
    """The store honours If-None-Match."""
    waits_for_puts: bool = False
    """D4 waits until no PUT of the row can land any more."""


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
        yield from self._time(s)
        for index, eraser in enumerate(s.erasers):
            for label, after, following in self._eraser(s, eraser):
                yield f"eraser: {label}", following._replace(erasers=_with(following.erasers, index, after))

    def _may_collect(self, s: State) -> bool:
        row = s.rows[FIRST]
        stays = row.leased and self.rules.lease_outlives_ttl
        return self.rules.collects and s.unwanted and row.state in {"READY", "DELETING"} and not stays

    def _time(self, s: State) -> Iterator[Step]:
        """A lease ends, and with it whatever was signed under it."""
        for index, row in enumerate(s.rows):
            if row.leased:
                ended = _set_row(s, index, row._replace(leased=False))
                yield f"the lease of {_NAMES[index]} ends", self._cut(ended, index)
        for index, eraser in enumerate(s.erasers):
            if eraser.signed and not eraser.holds and self.rules.deletes_end:
                yield "a signature ends", s._replace(erasers=_with(s.erasers, index, eraser._replace(signed=False)))
        if s.stray != NOBODY:
            yield "an unanswered delete lands", s._replace(lies=NOBODY, stray=NOBODY)
            yield "an unanswered delete gets lost", s._replace(stray=NOBODY)

    def _cut(self, s: State, row: int) -> State:
        if not self.rules.deletes_end:
            return s
        first, second = (e._replace(signed=False) if e.row == row and e.holds else e for e in s.erasers)
        stray = NOBODY if s.stray == row else s.stray
        return s._replace(erasers=(first, second) if first <= second else (second, first), stray=stray)

    def _writer(self, s: State, me: int, w: Writer) -> Iterator[Step]:
        if w.step not in _SPENT:
            yield "crashes or gives up", _set_writer(s, me, w._replace(step="dead"))
        if w.step == "start" and (self._is_free(s) or not self.rules.claims) and _in_turn(s, me):
            reserved = _set_row(s, me, Row("PENDING"))._replace(claim=me)
            yield "W1 row PENDING", _set_writer(reserved, me, Writer("put"))
        elif w.step in {"put", "await"} and w.sent < _MOST_PUTS[me]:
            yield "W2 sends a PUT", _set_writer(s, me, Writer("await", w.puts + 1, w.sent + 1))
        elif w.step == "ready":
            fenced = s.rows[me].state != "PENDING"
            ready = s if fenced else _set_row(s, me, Row("READY"))
            yield "W3", _set_writer(ready, me, w._replace(step="failed" if fenced else "ack"))
        elif w.step == "ack":
            told = (s.acknowledged[FIRST] or me == FIRST, s.acknowledged[SECOND] or me == SECOND)
            yield "W4 acknowledges", _set_writer(s, me, w._replace(step="done"))._replace(acknowledged=told)
        if w.step == "await" and s.lies != NOBODY:
            # By the PUT's own answer, or by the look that a commit takes: no matter which PUT it was.
            own = s.lies == me
            after = w._replace(step="ready" if own else "failed")
            yield "finds its object" if own else "finds another's object", _set_writer(s, me, after)
        if w.puts:
            yield from self._network(s, me, w._replace(puts=w.puts - 1))

    def _is_free(self, s: State) -> bool:
        """Whether W1 gets the key: at once, or when it has freed a claim without a row."""
        return s.claim == NOBODY or (self.rules.frees_stranded_claims and s.rows[s.claim].state == "GONE")

    def _network(self, s: State, me: int, w: Writer) -> Iterator[Step]:
        yield "a PUT gets lost, or is refused", _set_writer(s, me, w)
        if s.lies == NOBODY or not self.rules.writes_once:
            yield "a PUT lands", _set_writer(s, me, w)._replace(lies=me)

    def _eraser(self, s: State, e: Eraser) -> Iterator[tuple[str, Eraser, State]]:
        if e.step == "idle":
            yield from self._begin(s)
        elif e.step == "lease":
            yield from self._lease(s, e)
        elif e.step == "D2":
            yield from self._d2(s, e)
        elif e.step == "D3":
            yield "D3 looks for the object", e._replace(step="D4") if s.lies == NOBODY else Eraser(), s
        elif e.step == "D4":
            yield "D4 removes row and claim, if they may go", Eraser(), self._remove(s, e)
        elif e.step == "listed":
            yield from self._orphan(s)
        elif e.step == "unclaimed":
            yield "deletes the orphan", Eraser(), s._replace(lies=NOBODY)

    def _begin(self, s: State) -> Iterator[tuple[str, Eraser, State]]:
        for index, row in enumerate(s.rows):
            due = row.state == "PENDING" or (index == FIRST and row.state == "READY" and s.unwanted)
            if due:
                marked = _set_row(s, index, row._replace(state="DELETING"))
                yield f"D1 of {_NAMES[index]}", self._aim(index), marked
            elif row.state == "DELETING":
                yield f"resumes {_NAMES[index]}", self._aim(index), s
        if s.lies != NOBODY and self._is_orphan(s):
            yield "lists an object without a row", Eraser("listed"), s

    def _aim(self, index: int) -> Eraser:
        return Eraser("lease", index) if self.rules.leases else Eraser("D2", index, signed=True)

    def _lease(self, s: State, e: Eraser) -> Iterator[tuple[str, Eraser, State]]:
        row = s.rows[e.row]
        if row.state != "DELETING" or (row.leased and self.rules.lease_is_alone):
            yield "gets no lease", Eraser(), s
            return
        leased = _set_row(s, e.row, row._replace(leased=True))
        first, second = (x._replace(holds=False) if x.row == e.row else x for x in s.erasers)
        yield (
            "takes the lease",
            e._replace(step="D2", holds=True, signed=True),
            leased._replace(erasers=(first, second)),
        )

    def _d2(self, s: State, e: Eraser) -> Iterator[tuple[str, Eraser, State]]:
        if not e.signed:
            yield "D2 is refused", Eraser(), s
            return
        yield "D2 deletes what lies there", e._replace(step="D3"), s._replace(lies=NOBODY)
        if s.stray == NOBODY:
            again = e._replace(step="D3", unanswered=True)
            yield "D2 is answered at its second try", again, s._replace(lies=NOBODY, stray=e.row)

    def _remove(self, s: State, e: Eraser) -> State:
        row = s.rows[e.row]
        lost = self.rules.leases and self.rules.removes_by_lease and not e.holds
        waits = e.unanswered and self.rules.waits_for_answers and (row.leased or not self.rules.leases)
        if row.state != "DELETING" or lost or waits or not self._settled(s, e.row):
            return s
        removed = _set_row(s, e.row, Row("GONE"))
        return removed._replace(claim=NOBODY if s.claim == e.row else s.claim)

    def _settled(self, s: State, row: int) -> bool:
        if row == SWEEPER or not self.rules.waits_for_puts:
            return True
        return s.writers[row].step in _ENDED and not s.writers[row].puts

    def _is_orphan(self, s: State) -> bool:
        return s.claim == NOBODY or s.rows[s.claim].state == "GONE"

    def _orphan(self, s: State) -> Iterator[tuple[str, Eraser, State]]:
        if not self.rules.orphans_under_claim:
            yield "sees no claim", Eraser("unclaimed") if self._is_orphan(s) else Eraser(), s
        elif s.rows[SWEEPER].state == "" and self._is_free(s):
            yield "claims the key", self._aim(SWEEPER), _set_row(s, SWEEPER, Row("DELETING"))._replace(claim=SWEEPER)
        else:
            yield "finds the key claimed", Eraser(), s

    def broken(self, s: State) -> Broken | None:
        """The promise that a state breaks."""
        for index in (FIRST, SECOND):
            wanted = s.acknowledged[index] and not (index == FIRST and s.unwanted)
            if wanted and (s.rows[index].state != "READY" or s.lies != index):
                return Broken.LOST
        quiet = all(w.step in _SPENT and not w.puts for w in s.writers) and s.erasers == State().erasers
        ended = s.stray == NOBODY and not any(row.leased for row in s.rows)
        return Broken.LEAK if quiet and ended and self._survives(s) else None

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
        return stays or (s.lies != NOBODY and s.lies not in kept)

    def _finish(self, s: State, eraser: Eraser) -> State:
        """What a lone eraser leaves when it has come to its end."""
        while eraser.step != "idle":
            _, eraser, s = next(iter(self._eraser(s, eraser)))
        return self._cut(s._replace(rows=_ended(s.rows)), eraser.row)


_NAMES = ("first", "second", "sweeper's")


def _in_turn(s: State, me: int) -> bool:
    """The two are alike, so the first may as well be the first."""
    return me == FIRST or s.rows[FIRST].state != ""


def _ended(rows: tuple[Row, Row, Row]) -> tuple[Row, Row, Row]:
    first, second, third = (row._replace(leased=False) for row in rows)
    return first, second, third


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

"""One audio that may end up in either of two stores: S3, or the local one while S3 does not answer.

A PUT to S3 that timed out may land later, so there can be two copies. The row says which one counts. There is no clock
here: whatever a period of grace delays may happen at any time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from tests.model.search import Broken

if TYPE_CHECKING:
    from collections.abc import Iterator

S3: Final = "S3"
LOCAL: Final = "LOCAL"
_ENDED = ("done", "dead")


class Sweeper(NamedTuple):
    """How far a sweeper is, in which store."""

    step: str = "idle"
    store: str = ""


class State(NamedTuple):
    """Everything there is."""

    row: str = ""
    """PENDING, READY, DELETING, GONE; empty: not yet."""
    location: str = S3
    copies: frozenset[str] = frozenset()
    """The stores where the object lies."""
    writer: str = "start"
    puts: int = 0
    """PUTs to S3 under way."""
    sweepers: tuple[Sweeper, Sweeper] = (Sweeper(), Sweeper())
    acknowledged: bool = False
    expired: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What keeps two copies apart."""

    fence_says_where: bool = True
    """W3 writes the location into the row, too."""
    pending_row_owns_all: bool = True
    """While the row is PENDING, no copy is an orphan: it is not decided yet which one counts."""
    other_copies_are_orphans: bool = True
    """A copy in another store than the READY or DELETING row's is an orphan."""
    lists: frozenset[str] = frozenset({S3, LOCAL})
    """Stores whose objects are listed."""


@dataclass(frozen=True, slots=True)
class Fallback:
    """The model; `rules` says which variant."""

    rules: Rules = Rules()

    @property
    def initial(self) -> State:
        """Nothing was saved yet."""
        return State()

    def steps(self, s: State) -> Iterator[tuple[str, State]]:
        """All that may happen next."""
        yield from self._writer(s)
        if s.puts:
            yield "a PUT to S3 gets lost", s._replace(puts=s.puts - 1)
            yield "a PUT lands in S3", s._replace(puts=s.puts - 1, copies=s.copies | {S3})
        if s.row == "READY" and not s.expired:
            yield "the audio expires", s._replace(expired=True)
        for index, sweeper in enumerate(s.sweepers):
            for label, after, following in self._sweeper(s, sweeper):
                other = s.sweepers[1 - index]
                both = (after, other) if after <= other else (other, after)
                yield label, following._replace(sweepers=both)

    def _writer(self, s: State) -> Iterator[tuple[str, State]]:
        if s.writer not in (*_ENDED, "start"):
            yield "the writer crashes", s._replace(writer="dead")
        if s.writer == "start":
            yield "W1 row PENDING", s._replace(row="PENDING", writer="put")
        elif s.writer == "put":
            yield "W2 sends the PUT to S3", s._replace(puts=1, writer="await")
        elif s.writer == "await":
            if not s.puts and S3 in s.copies:
                yield "W2 hears from S3", s._replace(writer=S3)
            if s.puts:
                yield "W2 times out, and sends it again", s._replace(puts=min(2, s.puts + 1))
            yield "W2 falls back", s._replace(copies=s.copies | {LOCAL}, writer=LOCAL)
        elif s.writer in (S3, LOCAL):
            yield from self._fence(s)
        elif s.writer == "ack":
            yield "W4 acknowledges", s._replace(writer="done", acknowledged=True)

    def _fence(self, s: State) -> Iterator[tuple[str, State]]:
        if s.row != "PENDING":
            yield "W3 is refused", s._replace(writer="done")
            return
        location = s.writer if self.rules.fence_says_where else s.location
        yield f"W3 row READY, {location}", s._replace(row="READY", location=location, writer="ack")

    def _sweeper(self, s: State, me: Sweeper) -> Iterator[tuple[str, Sweeper, State]]:
        if me.step == "idle":
            if s.row == "PENDING" or (s.row == "READY" and s.expired):
                yield "D1 row DELETING", Sweeper("D2", s.location), s._replace(row="DELETING")
            elif s.row == "DELETING":
                yield "finds the row DELETING", Sweeper("D2", s.location), s
            for store in s.copies & self.rules.lists:
                yield f"lists the object in {store}", Sweeper("listed", store), s
        elif me.step == "listed":
            yield "reads the row", Sweeper("orphan", me.store) if self._is_orphan(s, me.store) else Sweeper(), s
        elif me.step == "orphan":
            yield f"deletes the orphan in {me.store}", Sweeper(), s._replace(copies=s.copies - {me.store})
        elif me.step == "D2":
            yield (
                f"D2 deletes the object in {me.store}",
                Sweeper("D3", me.store),
                s._replace(copies=s.copies - {me.store}),
            )
        elif me.step == "D3":
            gone = me.store not in s.copies
            settled = gone and not s.puts and s.writer in _ENDED
            yield "D3, D4 if nothing can land", Sweeper(), s._replace(row="GONE") if settled else s

    def _is_orphan(self, s: State, store: str) -> bool:
        if s.row == "GONE":
            return True
        undecided = s.row == "PENDING" and self.rules.pending_row_owns_all
        return store != s.location and not undecided and self.rules.other_copies_are_orphans

    def broken(self, s: State) -> Broken | None:
        """The promise that a state breaks."""
        if s.acknowledged and not s.expired and (s.row != "READY" or s.location not in s.copies):
            return Broken.LOST
        quiet = s.writer in _ENDED and not s.puts and s.sweepers == State().sweepers
        return Broken.LEAK if quiet and self._survives(s) else None

    def _survives(self, s: State) -> bool:
        """Whether a lone sweeper that does all that it finds to do leaves a copy that no READY row accounts for."""
        for _ in range(2):
            for store in sorted(s.copies & self.rules.lists):
                if self._is_orphan(s, store):
                    s = s._replace(copies=s.copies - {store})
            if s.row in ("PENDING", "DELETING") or (s.row == "READY" and s.expired):
                s = s._replace(row="GONE", copies=s.copies - {s.location})
        return bool(s.copies - {s.location}) if s.row == "READY" else bool(s.copies)

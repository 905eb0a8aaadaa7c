"""One audio under an id of its own: saved, read, expired, swept by two overlapping sweepers, and collected by the TTL.

Anybody may crash or stall at every step; a PUT may land late, twice or never; answers get lost. Times are ticks.
States are named tuples: the search hashes millions of them, and tuples do that in C.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from tests.model.search import Broken

if TYPE_CHECKING:
    from collections.abc import Iterator

UPLOAD_DEADLINE = 1
LATE_PUT_BOUND = 1
EXPIRY = 4
HORIZON = 9
PENDING_GRACE = 1
ORPHAN_GRACE = UPLOAD_DEADLINE + LATE_PUT_BOUND + 1
URL_LIFE = 2
NEVER = -1
_ENDED = ("done", "failed", "dead")

Step = tuple[str, "State"]


class Sweeper(NamedTuple):
    """How far a sweeper is, and what it saw on its way."""

    step: str = "idle"
    row: str = ""
    born: int = NEVER


class State(NamedTuple):
    """Everything there is."""

    time: int = 0
    row: str = ""
    """PENDING, READY, DELETING; empty: none."""
    born: int = NEVER
    """When the object was written; NEVER: there is none."""
    writer: str = "start"
    puts: tuple[int, ...] = ()
    """When each PUT under way was sent."""
    sweepers: tuple[Sweeper, Sweeper] = (Sweeper(), Sweeper())
    acknowledged: bool = False
    link_end: int = NEVER


@dataclass(frozen=True, slots=True, kw_only=True)
class Safeguards:
    """What the protocol insists on. Each variant of the model does without some."""

    row_first: bool = True
    fence: bool = True
    """W3 asks whether the row is still PENDING."""
    conditional_tombstone: bool = True
    """D1 asks whether the row is as it was read."""
    pending_grace: bool = True
    orphan_grace: bool = True
    sweeps_rows: bool = True
    lists_objects: bool = True
    lists_before_rows: bool = True
    reads_row_again: bool = True
    """Whether an object is an orphan is decided after it was listed."""
    ttl_margin: int = 4
    reads_check_expiry: bool = True
    caps_links: bool = True


@dataclass(frozen=True, slots=True)
class Saving:
    """The model; `safeguards` says which variant."""

    safeguards: Safeguards = Safeguards()

    @property
    def initial(self) -> State:
        """Nothing was saved yet."""
        return State()

    def steps(self, s: State) -> Iterator[Step]:
        """All that may happen next."""
        if s.time < HORIZON and all(s.time - sent < LATE_PUT_BOUND for sent in s.puts):
            yield "time passes", s._replace(time=s.time + 1)
        yield from self._writer(s)
        yield from self._network(s)
        yield from self._reader(s)
        if s.row and s.time >= EXPIRY + self.safeguards.ttl_margin:
            yield "the TTL collects the row", s._replace(row="")
        for index, sweeper in enumerate(s.sweepers):
            for label, after, following in self._sweeper(s, sweeper):
                yield label, following._replace(sweepers=_with(s.sweepers, index, after))

    def _writer(self, s: State) -> Iterator[Step]:
        if s.writer not in _ENDED:
            yield "the writer crashes", s._replace(writer="dead")
        if s.writer == "start" and s.time == 0:
            if self.safeguards.row_first:
                yield "W1 row PENDING", s._replace(row="PENDING", writer="put")
            else:
                yield "W2 sends the PUT", s._replace(puts=(s.time,), writer="await")
        elif s.writer == "put":
            yield "W2 sends the PUT", s._replace(puts=(*s.puts, s.time), writer="await")
        elif s.writer == "await":
            if len(s.puts) < 2:
                yield "W2 sends the PUT again", s._replace(puts=(*s.puts, s.time))
            yield "W2 gives up", s._replace(writer="failed")
        elif s.writer == "ready":
            yield from self._fence(s)
        elif s.writer == "ack":
            in_time = s.time < EXPIRY
            yield "W4 acknowledges", s._replace(writer="done" if in_time else "failed", acknowledged=in_time)

    def _fence(self, s: State) -> Iterator[Step]:
        if not self.safeguards.row_first:
            yield "W3 writes the row READY", s._replace(row="READY", writer="ack")
        elif s.row == "PENDING" or not self.safeguards.fence:
            yield "W3 row READY", s._replace(row="READY", writer="ack")
            yield "W3 row READY, the answer is lost", s._replace(row="READY", writer="failed")
        else:
            yield "W3 is refused", s._replace(writer="failed")

    def _network(self, s: State) -> Iterator[Step]:
        waits = s.writer == "await"
        born = s.time if s.born == NEVER else s.born  # If-None-Match: never overwritten
        for index in range(len(s.puts)):
            landed = s._replace(born=born, puts=s.puts[:index] + s.puts[index + 1 :])
            yield "a PUT lands", landed._replace(writer="ready") if waits else landed
            if waits:
                yield "a PUT lands, the answer is lost", landed
            yield "a PUT gets lost", landed._replace(born=s.born)

    def _reader(self, s: State) -> Iterator[Step]:
        readable = s.row == "READY" and (s.time < EXPIRY or not self.safeguards.reads_check_expiry)
        end = s.time + URL_LIFE
        if self.safeguards.caps_links:
            end = min(end, EXPIRY)
        if readable and s.born != NEVER and end > s.link_end:
            yield f"a link until {end} is signed", s._replace(link_end=end)

    def _sweeper(self, s: State, me: Sweeper) -> Iterator[tuple[str, Sweeper, State]]:
        if me.step == "idle":
            yield from self._sweeper_looks(s)
        elif me.step == "due":
            yield from self._d1(s, me)
        elif me.step == "D2":
            yield "D2 deletes the object", Sweeper("D3"), s._replace(born=NEVER)
        elif me.step == "D3":
            yield "D3 looks for the object", Sweeper("D4" if s.born == NEVER else "idle"), s
        elif me.step == "D4":
            settled = s.row == "DELETING" and s.time > UPLOAD_DEADLINE + LATE_PUT_BOUND
            yield "D4 removes the row, if it may go", Sweeper(), s._replace(row="") if settled else s
        elif me.step == "listed":
            orphan = not s.row or not self.safeguards.reads_row_again
            yield "reads the row of a listed object", Sweeper("orphan", born=me.born) if orphan else Sweeper(), s
        elif me.step == "no row":
            found = self._old(s)
            yield "lists objects after rows", Sweeper("orphan", born=s.born) if found else Sweeper(), s
        elif me.step == "orphan":
            yield "deletes the orphan", Sweeper(), s._replace(born=NEVER) if s.born == me.born else s  # If-Match

    def _sweeper_looks(self, s: State) -> Iterator[tuple[str, Sweeper, State]]:
        rules = self.safeguards
        if rules.sweeps_rows and self._due(s):
            yield f"finds the row {s.row}", Sweeper("D2" if s.row == "DELETING" else "due", row=s.row), s
        if not rules.lists_objects:
            return
        if rules.lists_before_rows and self._old(s):
            yield "lists the object", Sweeper("listed", born=s.born), s
        if not rules.lists_before_rows and not s.row:
            yield "reads that there is no row", Sweeper("no row"), s

    def _due(self, s: State) -> bool:
        if s.row == "PENDING":
            return s.time > UPLOAD_DEADLINE + PENDING_GRACE or not self.safeguards.pending_grace
        return s.row == "DELETING" or (s.row == "READY" and s.time >= EXPIRY)

    def _old(self, s: State) -> bool:
        """Whether the object is old enough to be looked at as an orphan."""
        return s.born != NEVER and (s.time - s.born >= ORPHAN_GRACE or not self.safeguards.orphan_grace)

    def _d1(self, s: State, me: Sweeper) -> Iterator[tuple[str, Sweeper, State]]:
        if s.row == me.row or (s.row and not self.safeguards.conditional_tombstone):
            yield "D1 row DELETING", Sweeper("D2"), s._replace(row="DELETING")
        else:
            yield "D1 is refused", Sweeper(), s

    def broken(self, s: State) -> Broken | None:
        """The promise that a state breaks."""
        if s.acknowledged and s.time < EXPIRY and (s.born == NEVER or s.row != "READY"):
            return Broken.LOST
        if s.born != NEVER and s.time >= EXPIRY and s.link_end > s.time:
            return Broken.READABLE
        quiet = s.time == HORIZON and s.writer in _ENDED and not s.puts and s.sweepers == State().sweepers
        return Broken.LEAK if quiet and self._survives(s) else None

    def _survives(self, s: State) -> bool:
        """Whether anything is left after two whole sweeps, a grace apart, when everything has come to rest."""
        for time in (HORIZON + ORPHAN_GRACE, HORIZON + 2 * ORPHAN_GRACE):
            s = s._replace(time=time)
            if self.safeguards.sweeps_rows and s.row:
                s = s._replace(row="", born=NEVER)
            if self.safeguards.lists_objects and self._old(s) and not s.row:
                s = s._replace(born=NEVER)
        return bool(s.row) or s.born != NEVER


def _with(sweepers: tuple[Sweeper, Sweeper], index: int, sweeper: Sweeper) -> tuple[Sweeper, Sweeper]:
    """The two sweepers after one took a step. They are alike, so that their order says nothing: half the states."""
    other = sweepers[1 - index]
    return (sweeper, other) if sweeper <= other else (other, sweeper)

"""One audio that is too large for one PUT: its parts are stored, and paid for, before there is an object.

Parts belong to an upload that no key listing shows, and a part under way when its upload is aborted may be kept all
the same. S3 does not list an aborted upload any more, so whoever aborts has to know that nothing is under way, or to
remember the upload: its row names it before anybody may put a part. There is no clock here: whatever a period of grace
delays may happen at any time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from tests.model.search import Broken

if TYPE_CHECKING:
    from collections.abc import Iterator

_ENDED = ("done", "dead")


class State(NamedTuple):
    """Everything there is."""

    row: str = ""
    """PENDING, READY, DELETING, GONE; empty: not yet."""
    upload: str = ""
    """open, aborted, completed; empty: not yet."""
    named: bool = False
    """The row says which upload is its own."""
    parts: int = 0
    """Stored parts that are no object yet."""
    under_way: int = 0
    """Parts that were sent."""
    completing: bool = False
    """A CompleteMultipartUpload was sent."""
    lies: bool = False
    writer: str = "start"
    sweepers: tuple[str, str] = ("idle", "idle")
    acknowledged: bool = False
    expired: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What keeps parts from being forgotten."""

    row_first: bool = True
    """The row is written before the upload is begun."""
    lists_uploads: bool = True
    """The sweep lists unfinished uploads, too."""
    aborts_when_settled: bool = True
    """An upload is aborted when no part of it can land any more."""
    row_names_upload: bool = True
    """The row names the upload before its parts are granted: the abort is repeated until D4."""
    aborts_at_once: bool = True
    """Who deletes the row, a writer who gives up or a sweep, aborts the upload then, and does not wait."""
    fence: bool = True
    """W3 asks whether the row is still PENDING."""


@dataclass(frozen=True, slots=True)
class Multipart:
    """The model; `rules` says which variant."""

    rules: Rules = Rules()

    @property
    def initial(self) -> State:
        """Nothing was saved yet."""
        return State()

    def steps(self, s: State) -> Iterator[tuple[str, State]]:
        """All that may happen next."""
        yield from self._writer(s)
        yield from self._network(s)
        if s.row == "READY" and not s.expired:
            yield "the audio expires", s._replace(expired=True)
        for index, sweeper in enumerate(s.sweepers):
            for label, after, following in self._sweeper(s, sweeper):
                first, second = sorted((after, s.sweepers[1 - index]))
                yield label, following._replace(sweepers=(first, second))

    def _writer(self, s: State) -> Iterator[tuple[str, State]]:
        if s.writer not in _ENDED:
            yield "the writer crashes", s._replace(writer="dead")
        if s.writer == "start":
            row = "PENDING" if self.rules.row_first else ""
            yield "W1 row PENDING" if row else "no row yet", s._replace(row=row, writer="begin")
        elif s.writer == "begin":
            yield "W2 begins the upload", s._replace(upload="open", writer="name")
        elif s.writer == "name":
            yield self._name(s)
        elif s.writer in ("parts", "await"):
            yield from self._putting(s)
        elif s.writer in ("ready", "ack"):
            yield from self._fence(s)

    def _putting(self, s: State) -> Iterator[tuple[str, State]]:
        if s.writer == "parts" and s.parts + s.under_way < 2:
            yield "W2 sends a part", s._replace(under_way=s.under_way + 1)
        if s.writer == "parts" and s.parts:
            yield "W2 asks to complete it", s._replace(completing=True, writer="await")
        if s.writer == "await" and s.lies:
            yield "W2 sees the object", s._replace(writer="ready")
        elif s.writer == "await" and not s.completing:
            yield "W2 is refused", s._replace(writer="done")
        if s.row == "PENDING":
            yield "the writer gives up: D1, D2", self._delete(s._replace(row="DELETING", writer="done"))

    def _name(self, s: State) -> tuple[str, State]:
        if not (self.rules.row_names_upload and self.rules.row_first):
            return "W2 grants the parts", s._replace(writer="parts")
        if s.row != "PENDING":  # nobody has a grant, so nothing can be under way
            return "W2 finds the row gone", s._replace(upload="aborted", writer="done")
        return "W2 names the upload in the row", s._replace(named=True, writer="parts")

    def _fence(self, s: State) -> Iterator[tuple[str, State]]:
        if s.writer == "ready":
            fenced = self.rules.fence and self.rules.row_first and s.row != "PENDING"
            yield "W3", s._replace(writer="done") if fenced else s._replace(row="READY", writer="ack")
        else:
            yield "W4 acknowledges", s._replace(writer="done", acknowledged=True)

    def _network(self, s: State) -> Iterator[tuple[str, State]]:
        if s.under_way:
            rest = s._replace(under_way=s.under_way - 1)
            yield "a part gets lost", rest
            if s.upload != "completed":
                yield "a part lands", rest._replace(parts=s.parts + 1)
        if s.completing:
            yield "the completion gets lost", s._replace(completing=False)
            if s.upload == "open":
                yield "the upload is completed", s._replace(completing=False, upload="completed", parts=0, lies=True)

    def _sweeper(self, s: State, me: str) -> Iterator[tuple[str, str, State]]:
        if me == "idle":
            yield from self._sweeper_looks(s)
        elif me == "D2":
            yield "D2 deletes the object, and aborts the upload", "D4", self._delete(s)
        elif me == "D4":
            done = not s.lies and self._settled(s) and not (s.named and s.parts)
            yield "D3, D4 if nothing can land", "idle", s._replace(row="GONE") if done and s.row == "DELETING" else s
        elif me == "upload listed":
            yield "reads the row of the upload", "idle" if s.row in ("PENDING", "READY") else "abort", s
        elif me == "abort":
            aborted = s._replace(upload="aborted", parts=0) if s.upload == "open" else s
            yield "aborts the upload", "idle", aborted
        elif me == "object listed":
            yield "reads the row of the object", "orphan" if s.row in ("", "GONE") else "idle", s
        elif me == "orphan":
            yield "deletes the orphan", "idle", s._replace(lies=False)

    def _sweeper_looks(self, s: State) -> Iterator[tuple[str, str, State]]:
        if s.row == "PENDING" or (s.row == "READY" and s.expired):
            yield "D1 row DELETING", "D2", s._replace(row="DELETING")
        elif s.row == "DELETING":
            yield "finds the row DELETING", "D2", s
        if s.lies:
            yield "lists the object", "object listed", s
        settled = self._settled(s) or not self.rules.aborts_when_settled
        if s.upload == "open" and self.rules.lists_uploads and settled:
            yield "lists the upload", "upload listed", s

    def _delete(self, s: State) -> State:
        """D2. A row that does not name its upload still leads to it while the store lists it: by the key."""
        found = s.named or (not self.rules.row_names_upload and s.upload == "open")
        if self.rules.aborts_at_once and found and s.upload in ("open", "aborted"):
            s = s._replace(upload="aborted", parts=0)
        return s._replace(lies=False)

    @staticmethod
    def _settled(s: State) -> bool:
        return s.writer in _ENDED and not s.under_way and not s.completing

    def broken(self, s: State) -> Broken | None:
        """The promise that a state breaks."""
        if s.acknowledged and not s.expired and (s.row != "READY" or not s.lies):
            return Broken.LOST
        quiet = self._settled(s) and s.sweepers == State().sweepers
        return Broken.LEAK if quiet and self._survives(s) else None

    def _survives(self, s: State) -> bool:
        """Whether a lone sweeper leaves parts, or an object that no READY row accounts for."""
        if s.row in ("PENDING", "DELETING") or (s.row == "READY" and s.expired):
            s = self._delete(s)._replace(row="GONE")
        if s.row in ("", "GONE"):
            s = s._replace(lies=False)
        if s.upload == "open" and self.rules.lists_uploads and s.row != "READY":
            s = s._replace(upload="aborted", parts=0)
        return s.parts > 0 or (s.upload == "open" and s.row != "READY") or (s.lies and s.row != "READY")

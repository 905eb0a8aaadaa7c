"""What callers were told, and what follows from it: the one side of every comparison."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mayfly_storage.testing.reference import Kept, Reference
from tests.prove.scenario import BOUND

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from mayfly_storage.domain.audio import Audio, AudioName

MOST_VIOLATIONS = 50
"""Told in full; of more, the number is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """A promise that was broken."""

    promise: str
    """`lost`, `readable` or `left`."""
    time: datetime
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """How much there was at a tick."""

    time: datetime
    readable: int
    waiting: int
    """Objects whose audio nobody can read any more; the sweep has them before it."""
    gone: int
    """Acknowledged audio that is gone: readable for nobody, and no bytes left. Since the beginning."""


@dataclass(slots=True)
class Ledger:
    """All that was promised, tried and seen."""

    reference: Reference = field(default_factory=Reference)
    ended: dict[AudioName, datetime] = field(default_factory=dict)
    """When audio that was acknowledged ended: deleted, or expired."""
    ended_keys: dict[str, datetime] = field(default_factory=dict)
    """The same by object key."""
    tried: Counter[str] = field(default_factory=Counter)
    checked: Counter[str] = field(default_factory=Counter)
    lateness: list[timedelta] = field(default_factory=list)
    """Of each deletion by a sweep: how long after its due time, by the store's clock, but for outages."""
    outages: list[tuple[datetime, datetime]] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)
    broken: int = 0
    fresh: list[tuple[AudioName, datetime]] = field(default_factory=list)
    """Ends that nobody has taken note of yet."""

    def acknowledge(self, audio: Audio, body: bytes) -> None:
        """A caller was told that it is stored, or that it is kept until another time."""
        self.reference.acknowledge(audio, body)
        if audio.expire_time is not None:
            self.fresh.append((audio.name, audio.expire_time))

    def end(self, name: AudioName, now: datetime) -> None:
        """A caller was told that it is deleted."""
        kept = self.reference.kept.get(name)
        if kept is None:
            return
        ended = min(now, kept.audio.expire_time or now)
        self.reference.delete(name)
        self._ended(name, kept.audio.object_key, ended)

    def expire(self, now: datetime) -> None:
        """What has expired by now has ended by itself."""
        for name, kept in list(self.reference.kept.items()):
            if kept.audio.expire_time is not None and kept.audio.is_expired(now):
                self.reference.delete(name)
                self._ended(name, kept.audio.object_key, kept.audio.expire_time)

    def _ended(self, name: AudioName, key: str, when: datetime) -> None:
        self.ended[name] = when
        self.ended_keys[key] = when

    def readable(self, now: datetime) -> dict[AudioName, Kept]:
        """What everybody who was told of it can read."""
        return self.reference.readable(now)

    def late(self, due: datetime, now: datetime) -> timedelta:
        """How late it is; the time since an outage that came before the bound was over counts anew."""
        base = due
        for begin, end in self.outages:
            if begin - BOUND <= base < end <= now:
                base = end
        return now - base

    def is_overdue(self, due: datetime, now: datetime) -> bool:
        """Whether what was due then should be gone by now."""
        is_away = any(begin <= now < end and due >= begin - BOUND for begin, end in self.outages)
        return not is_away and self.late(due, now) > BOUND

    def break_promise(self, promise: str, now: datetime, what: str) -> None:
        """Note a violation."""
        self.broken += 1
        if len(self.violations) < MOST_VIOLATIONS:
            self.violations.append(Violation(promise=promise, time=now, what=what))

"""Quotas in memory: counters and reservations, atomic because nothing awaits in between."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mayfly_storage.domain.errors import QuotaRefusedError, ReservationGoneError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from mayfly_storage.domain.quotas import QuotaUse, Reservation, Tally


@dataclass(slots=True)
class MemoryQuotas:
    """What was counted. Tests may read it."""

    now: Callable[[], datetime]
    counters: dict[str, Counter[str]] = field(default_factory=dict)
    reservations: dict[tuple[str, str], Reservation] = field(default_factory=dict)
    used: set[tuple[str, str]] = field(default_factory=set)

    def reserve(self, wanted: Reservation, tallies: Sequence[Tally]) -> Reservation:
        """Count and note, or answer what there is. Raises QuotaRefusedError."""
        key = wanted.caller, wanted.request_id
        there = self.reservations.get(key)
        if there is not None and self.now() < there.expire_time:
            return there
        self._check(tallies)
        self._count(tallies)
        self.reservations[key] = wanted
        self.used.discard(key)
        return wanted

    def check(self, use: QuotaUse) -> None:
        """Raise ReservationGoneError or QuotaRefusedError if an upload cannot pay."""
        if use.reservation is not None and (use.reservation not in self.reservations or use.reservation in self.used):
            raise ReservationGoneError
        self._check(use.tallies)

    def pay(self, use: QuotaUse) -> None:
        """Use up and count, after `check`."""
        if use.reservation is not None:
            self.used.add(use.reservation)
        self._count(use.tallies)

    def _check(self, tallies: Sequence[Tally]) -> None:
        refusals = []
        for tally in tallies:
            used = self.counters.get(tally.counter, Counter())
            if (charge := tally.exceeded(used)) is not None:
                refusals.append((tally, charge, used[charge.measure]))
        if refusals:
            raise QuotaRefusedError(refusals)

    def _count(self, tallies: Sequence[Tally]) -> None:
        for tally in tallies:
            used = self.counters.setdefault(tally.counter, Counter())
            used.update({charge.measure: charge.amount for charge in tally.charges})

"""Quotas: how much a subject may ask for within a window of time, and what counts against it.

Windows are fixed: UTC minutes and UTC days, by storage's clock. So around the turn of a window a subject may get what
two windows allow; never more. What was counted stays counted until its window ends, whether the work was done or not.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from mayfly_storage.domain.uploads import Subject

_MINUTE: Final = timedelta(minutes=1)
_DAY: Final = timedelta(days=1)


class Measure(StrEnum):
    """What is counted."""

    REQUESTS = "requests"
    CHARACTERS = "characters"
    BYTES = "bytes"
    OBJECTS = "objects"


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaLimits:
    """The most of each; None: any number."""

    requests_per_minute: int | None = None
    characters_per_day: int | None = None
    bytes_per_day: int | None = None
    objects_per_day: int | None = None
    """Uploads. So a subject has at most as many alive as this allows in the days that audio lives, and in one more."""

    @classmethod
    def from_table(cls, name: str, table: object) -> QuotaLimits:
        """Read the TOML form. Raises ValueError that says what is allowed."""
        known = cls.__dataclass_fields__.keys()
        if not isinstance(table, dict) or not table or (set(table) - set(known)):
            msg = f"{name} must be a table with some of {', '.join(known)}, not {table!r}"
            raise ValueError(msg)
        for key, value in table.items():
            if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
                msg = f"{name}.{key} must be a whole number above 0, not {value!r}"
                raise ValueError(msg)
        return cls(**table)

    def shared_by(self, parts: int) -> QuotaLimits:
        """The limits of each of `parts` equal parts; together they are never more than these."""
        return QuotaLimits(
            requests_per_minute=_part(self.requests_per_minute, parts),
            characters_per_day=_part(self.characters_per_day, parts),
            bytes_per_day=_part(self.bytes_per_day, parts),
            objects_per_day=_part(self.objects_per_day, parts),
        )


def _part(limit: int | None, parts: int) -> int | None:
    return None if limit is None else limit // parts


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectQuotas:
    """A collection's limits for each guest and each user."""

    guests: QuotaLimits = field(default_factory=QuotaLimits)
    users: QuotaLimits = field(default_factory=QuotaLimits)

    @classmethod
    def from_table(cls, table: object) -> SubjectQuotas:
        """Read the TOML form: `quota.guests` and `quota.users`. Raises ValueError."""
        if not isinstance(table, dict) or not table or (set(table) - {"guests", "users"}):
            msg = f"quota must be a table with guests, users or both, not {table!r}"
            raise ValueError(msg)
        return cls(**{kind: QuotaLimits.from_table(f"quota.{kind}", limits) for kind, limits in table.items()})


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestBudget:
    """What all guests of all collections may ask for together, however many addresses they have."""

    limits: QuotaLimits = field(default_factory=QuotaLimits)
    parts: int = 1
    """Counters that share it. A store serves one counter only so fast; each refuses when its own part is used up."""

    def __post_init__(self) -> None:
        """Refuse a division that would leave nothing."""
        least = min(filter(None, (getattr(self.limits, name) for name in self.limits.__slots__)), default=self.parts)
        if least < self.parts:
            msg = f"guest_budget_parts ({self.parts}) must not be more than any of the guests' limits ({least})"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What a request asks for."""

    requests: int = 1
    characters: int = 0
    size_bytes: int = 0
    objects: int = 1
    """0 for work whose result is in an upload that something else pays for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """An amount of one measure, and the most that its counter may reach."""

    quota: str
    """What a refused caller is told, such as `requests_per_minute`."""
    measure: Measure
    amount: int
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What is to be added to one counter: all of its charges, or none."""

    counter: str
    """Names the subject (by a keyed hash alone) and the window."""
    reset_time: datetime
    """The end of the window; the counter is of no use afterwards."""
    charges: tuple[Charge, ...]

    def exceeded(self, used: Mapping[str, int]) -> Charge | None:
        """The first charge for which there is no room, by what is used of each measure."""
        return next((each for each in self.charges if used.get(each.measure, 0) + each.amount > each.limit), None)


def tallies(limits: QuotaLimits, work: Work, *, whose: str, now: datetime, prefix: str = "") -> list[Tally]:
    """What some work costs against some limits; nothing where there is no limit, or nothing is asked for.

    Args:
        limits: Of a subject, or of all of them.
        work: What is asked for.
        whose: The keyed hash of the subject, and of what else has counters of its own.
        now: Decides the windows.
        prefix: Put before the names of quotas.
    """
    asked = {
        _MINUTE: [("requests_per_minute", Measure.REQUESTS, work.requests)],
        _DAY: [
            ("characters_per_day", Measure.CHARACTERS, work.characters),
            ("bytes_per_day", Measure.BYTES, work.size_bytes),
            ("objects_per_day", Measure.OBJECTS, work.objects),
        ],
    }
    found = []
    for window, measures in asked.items():
        charges = tuple(
            Charge(quota=prefix + quota, measure=measure, amount=amount, limit=limit)
            for quota, measure, amount in measures
            if amount and (limit := getattr(limits, quota)) is not None
        )
        if charges:
            found.append(_tally(charges, window, whose=whose, now=now))
    return found


def _tally(charges: tuple[Charge, ...], window: timedelta, *, whose: str, now: datetime) -> Tally:
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    start = midnight + (now - midnight) // window * window
    name = "minute" if window == _MINUTE else "day"
    return Tally(counter=f"{whose}/{name}/{start:%Y-%m-%dT%H:%M}", reset_time=start + window, charges=charges)


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaRequest:
    """The work that a caller wants to do for a subject."""

    caller: str
    request_id: str
    subject: Subject
    collection: str
    work: Work

    def fingerprint(self, secret: bytes) -> str:
        """Hex digest of what was asked: equal for retries, different for different requests. Keyed, as it is kept."""
        subject = [self.subject.user_id, self.subject.guest_address]
        facts: list[object] = [self.collection, subject, self.work.characters, self.work.size_bytes]
        if self.work.objects != 1:  # as it was before there were any others
            facts.append(self.work.objects)
        return hmac.new(secret, json.dumps(facts).encode(), hashlib.sha256).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """What was counted for a request_id of a caller, and until when an upload may use it."""

    caller: str
    request_id: str
    fingerprint: str
    expire_time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaUse:
    """How an upload pays: with a reservation, which it uses up, with charges of its own, or with both."""

    reservation: tuple[str, str] | None = None
    """The caller and the request_id of the reservation."""
    tallies: tuple[Tally, ...] = ()

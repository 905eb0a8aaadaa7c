"""Quotas in SQLite: counters and reservations, in the transactions of the only writer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mayfly_storage.backends.embedded.rows import from_micros, to_micros
from mayfly_storage.domain.errors import QuotaRefusedError, ReservationGoneError
from mayfly_storage.domain.quotas import Charge, QuotaUse, Reservation, Tally

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence
    from datetime import datetime

_FORGET_AT_ONCE: Final = 8
"""More than what is added at a time, so that nothing piles up; few, so that nobody notices."""

_RESERVE: Final = """
INSERT INTO quota_reservations (caller, request_id, fingerprint, used, forget_time) VALUES (?, ?, ?, 0, ?)
ON CONFLICT (caller, request_id) DO UPDATE SET fingerprint = excluded.fingerprint, used = 0,
  forget_time = excluded.forget_time
"""
_USE: Final = "UPDATE quota_reservations SET used = 1 WHERE caller = ? AND request_id = ? AND used = 0"
_ADD: Final = """
INSERT INTO quota_counters (counter, measure, used, forget_time) VALUES (?, ?, ?, ?)
ON CONFLICT (counter, measure) DO UPDATE SET used = used + excluded.used
"""


def reserve(
    connection: sqlite3.Connection, wanted: Reservation, tallies: Sequence[Tally], now: datetime
) -> Reservation:
    """Note the reservation and count, or answer the one that there is. Raises QuotaRefusedError."""
    _forget(connection, now)
    there = connection.execute(
        "SELECT fingerprint, forget_time FROM quota_reservations "
        "WHERE caller = ? AND request_id = ? AND forget_time > ?",
        (wanted.caller, wanted.request_id, to_micros(now)),
    ).fetchone()
    if there is not None:
        return Reservation(
            caller=wanted.caller,
            request_id=wanted.request_id,
            fingerprint=there["fingerprint"],
            expire_time=from_micros(there["forget_time"]),
        )
    _count(connection, tallies)
    facts = (wanted.caller, wanted.request_id, wanted.fingerprint, to_micros(wanted.expire_time))
    connection.execute(_RESERVE, facts)
    return wanted


def pay(connection: sqlite3.Connection, use: QuotaUse, now: datetime) -> None:
    """Use the reservation up, and count. Raises ReservationGoneError, QuotaRefusedError."""
    _forget(connection, now)
    if use.reservation is not None and connection.execute(_USE, use.reservation).rowcount != 1:
        raise ReservationGoneError
    _count(connection, use.tallies)


def _count(connection: sqlite3.Connection, tallies: Sequence[Tally]) -> None:
    refusals = [refusal for tally in tallies if (refusal := _refusal(connection, tally)) is not None]
    if refusals:
        raise QuotaRefusedError(refusals)
    for tally in tallies:
        for charge in tally.charges:
            facts = (tally.counter, charge.measure, charge.amount, to_micros(tally.reset_time))
            connection.execute(_ADD, facts)


def _refusal(connection: sqlite3.Connection, tally: Tally) -> tuple[Tally, Charge, int] | None:
    rows = connection.execute("SELECT measure, used FROM quota_counters WHERE counter = ?", (tally.counter,))
    used = {row["measure"]: row["used"] for row in rows}
    charge = tally.exceeded(used)
    return None if charge is None else (tally, charge, used.get(charge.measure, 0))


def _forget(connection: sqlite3.Connection, now: datetime) -> None:
    """Remove some of what is of no use any more."""
    moment = (to_micros(now), _FORGET_AT_ONCE)
    connection.execute(
        "DELETE FROM quota_counters WHERE (counter, measure) IN "
        "(SELECT counter, measure FROM quota_counters WHERE forget_time <= ? LIMIT ?)",
        moment,
    )
    connection.execute(
        "DELETE FROM quota_reservations WHERE (caller, request_id) IN "
        "(SELECT caller, request_id FROM quota_reservations WHERE forget_time <= ? LIMIT ?)",
        moment,
    )

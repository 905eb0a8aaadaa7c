"""Single fields of requests: checked, and turned into Python's types.

Each takes the collector of violations and the path of the field, so that a caller hears of everything at once. After a
violation the answer is of no use, and is never used: the collector raises before.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final
from uuid import UUID

if TYPE_CHECKING:
    from google.protobuf.duration_pb2 import Duration
    from google.protobuf.timestamp_pb2 import Timestamp

    from mayfly_runtime.violations import Violations

_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{1,8})*")
_LONGEST: Final = timedelta(days=365_000)
_ONE_SECOND: Final = timedelta(seconds=1)


def request_id(found: Violations, field: str, value: str) -> UUID:
    """The UUID of the request."""
    return UUID(found.request_id(value, field=field))


def language_code(found: Violations, field: str, value: str) -> str:
    """Empty, or the code of a language."""
    wanted = "the code of a language is needed, e.g. en_US or en"
    found.require(not value or _LANGUAGE.fullmatch(value) is not None, field, wanted)
    return value


def number(found: Violations, field: str, value: float, *, least: float, most: float) -> float:
    """A number between two others; NaN is none."""
    found.require(least <= value <= most, field, f"{least} to {most} is allowed, got {value}")
    return value


def length(
    found: Violations, field: str, value: Duration, *, least: timedelta = _ONE_SECOND, most: timedelta = _LONGEST
) -> timedelta:
    """A length of time between two others."""
    told = value.seconds + value.nanos / 1e9
    wanted = f"{least.total_seconds():g} s to {most.total_seconds():,.0f} s is allowed, got {told:,.12g} s"
    ok = least.total_seconds() <= told <= most.total_seconds() and abs(value.nanos) < 1_000_000_000
    return timedelta(seconds=told) if found.require(ok, field, wanted) else least


def moment(found: Violations, field: str, value: Timestamp) -> datetime:
    """A point in time, in UTC."""
    try:
        return value.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError):
        found.add(field, f"{value.seconds} s after 1970 is no time between the years 1 and 9999")
        return datetime.min.replace(tzinfo=UTC)

"""Between Python's times and protobuf's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from mayfly_client._argument_error import ArgumentError

Seconds = timedelta | float
"""A length of time: a timedelta, or a number of seconds."""


def timestamp(value: datetime | None, field: str) -> Timestamp | None:
    """Make a Timestamp. A naive datetime raises ArgumentError: nobody can tell which moment it means."""
    if value is None:
        return None
    if value.tzinfo is None:
        raise ArgumentError(f"{field} must be an aware datetime, e.g. datetime.now(UTC); got a naive one: {value!r}")
    made = Timestamp()
    made.FromDatetime(value.astimezone(UTC))
    return made


def duration(value: Seconds | None) -> Duration | None:
    """Make a Duration of a timedelta or of seconds. One that no message can hold raises ArgumentError."""
    if value is None:
        return None
    made = Duration()
    try:
        made.FromTimedelta(value if isinstance(value, timedelta) else timedelta(seconds=value))
    except (ValueError, OverflowError):
        raise ArgumentError(f"no request can hold the length of time {value!r}; 10,000 years are the most") from None
    return made


def to_datetime(value: Timestamp) -> datetime:
    """The moment, aware, in UTC."""
    return value.ToDatetime(tzinfo=UTC)


def to_timedelta(value: Duration) -> timedelta:
    """The length of time."""
    return value.ToTimedelta()


def to_seconds(value: Seconds) -> float:
    """A length of time as a number."""
    return value.total_seconds() if isinstance(value, timedelta) else value

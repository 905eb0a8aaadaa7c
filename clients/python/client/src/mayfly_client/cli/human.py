"""Values as people like to read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

# Servers count in whole seconds.
_ROUNDING = timedelta(seconds=1)
_UNITS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


def size(count: int) -> str:
    """A number of bytes: `812 B`, `148 kB`, `2.4 MB`."""
    if count < 1_000:
        return f"{count} B"
    value = float(count)
    for unit in ("kB", "MB", "GB"):
        value /= 1_000
        if value < 999.5:
            return f"{value:.0f} {unit}" if value >= 99.5 else f"{value:.1f} {unit}"
    return f"{value:,.0f} GB"


def length(value: timedelta | None) -> str:
    """Length of audio or of work: `0.41 s`, `3.4 s`, `2:05 min`; `-` if it is not known."""
    if value is None:
        return "-"
    seconds = value.total_seconds()
    if seconds < 1:
        return f"{seconds:.2f} s"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02} min"


def span(value: timedelta | None) -> str:
    """A span that need not be exact: `24 h`, `7 d`, `1 h 30 min`; `until deleted` if it has no end."""
    if value is None:
        return "until deleted"
    if value == timedelta(days=1):
        return "24 h"
    left, parts = round(value.total_seconds()), []
    for unit, seconds in _UNITS:
        count, left = divmod(left, seconds)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2]) or "0 s"


def moment(value: datetime | None) -> str:
    """A moment as UTC, to the second; `-` if there is none."""
    return "-" if value is None else f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def end(value: datetime | None, now: datetime) -> str:
    """When something ends, and how long that is from now."""
    if value is None:
        return "never: kept until deleted"
    left = value - now
    return f"{moment(value)} ({'ended' if left <= timedelta() else f'in {span(_rounded(left))}'})"


def kept_until(value: datetime | None, *, since: datetime | None, asked: timedelta | None, now: datetime) -> str:
    """When an audio ends; and that this is earlier than was asked for, where it is."""
    shortened = value and since and asked and value - since < asked - _ROUNDING
    return end(value, now) + (" (limited by the collection)" if shortened else "")


def count(number: int, noun: str) -> str:
    """`1 audio`, `3 audios`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _rounded(left: timedelta) -> timedelta:
    """To the minute where seconds do not matter; half a second ago, 24 h were left."""
    step = 60 if left > timedelta(minutes=10) else 1
    return timedelta(seconds=round(left.total_seconds() / step) * step)

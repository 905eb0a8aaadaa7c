"""Durations as people write them in settings: `500ms`, `20s`, `15m`, `24h`, `7d`, `1h30m`, or ISO 8601 (`PT20S`)."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, PlainSerializer

_UNITS: Final = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}
_PART: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|[dhms])")
_WHOLE: Final = re.compile(rf"(?:{_PART.pattern})+")


def parse_duration(text: str) -> timedelta:
    """Read a duration.

    Raises:
        ValueError: If the text is no duration.
    """
    compact = text.strip().lower().replace(" ", "")
    if not _WHOLE.fullmatch(compact):
        raise ValueError("expected a duration with its unit, such as 500ms, 20s, 15m, 24h or 7d")
    parts = _PART.findall(compact)
    try:
        return timedelta(milliseconds=sum(float(number) * _UNITS[unit] for number, unit in parts))
    except OverflowError:
        raise ValueError(f"expected a duration of at most {timedelta.max.days}d") from None


def format_duration(duration: timedelta) -> str:
    """Write a duration in the largest unit that divides it: `24h`, not `86400s`; whole days only from two days on."""
    milliseconds = round(duration / timedelta(milliseconds=1))
    for unit, size in _UNITS.items():
        if milliseconds % size == 0 and (unit != "d" or milliseconds >= 2 * size):
            return f"{milliseconds // size}{unit}" if milliseconds else "0s"
    raise AssertionError("every whole number of milliseconds is divisible by one")


def _before(value: Any) -> Any:
    # ISO 8601 and timedelta are pydantic's own affair.
    if isinstance(value, str) and not value.strip().upper().startswith(("P", "-P")):
        return parse_duration(value)
    return value


Duration = Annotated[timedelta, BeforeValidator(_before), PlainSerializer(format_duration, when_used="json")]
"""A `timedelta` setting that is given as `20s`, `15m`, `24h`."""

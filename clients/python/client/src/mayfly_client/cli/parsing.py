"""What people type: durations, `name=value` pairs."""

from __future__ import annotations

import re
from datetime import timedelta

import typer

_UNITS = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3_600.0, "d": 86_400.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)(s|min|m|h|d)")


def duration(text: str) -> timedelta:
    """`90`, `90s`, `5m`, `1h30m`, `7d`: seconds where there is no unit."""
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return timedelta(seconds=float(text))
    if not re.fullmatch(rf"({_PART.pattern})+", text):
        raise typer.BadParameter(f"{text!r} is no duration; write 90s, 5m, 24h, 7d or 1h30m")
    return timedelta(seconds=sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text)))


def pairs(given: list[str] | None, option: str) -> dict[str, str]:
    """Pairs of a repeated option."""
    made = {}
    for text in given or ():
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise typer.BadParameter(f"{text!r} is no pair; write {option} NAME=VALUE")
        made[name] = value
    return made

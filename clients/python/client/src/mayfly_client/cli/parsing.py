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
        return _seconds(text, float(text))
    if not re.fullmatch(rf"({_PART.pattern})+", text):
        raise typer.BadParameter(f"{text!r} is no duration; write 90s, 5m, 24h, 7d or 1h30m")
    return _seconds(text, sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text)))


def _seconds(text: str, value: float) -> timedelta:
    try:
        return timedelta(seconds=value)
    except OverflowError:
        raise typer.BadParameter(f"{text!r} is longer than anybody can wait") from None


def pairs(given: list[str] | None, option: str) -> dict[str, str]:
    """Pairs of a repeated option."""
    made = {}
    for text in given or ():
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise typer.BadParameter(f"{text!r} is no pair; write {option} NAME=VALUE")
        made[name] = value
    return made

"""What people type: durations, `name=value` pairs, files whose suffix says what goes into them."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import typer

from mayfly_client._formats import format_of_file

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


def format_by_suffix(target: str | None) -> str | None:
    """The format that the file's suffix stands for; a suffix that stands for none is a slip of the user."""
    if target is None or target == "-" or not Path(target).suffix:
        return None
    found = format_of_file(target)
    if found is None:
        raise typer.BadParameter(f"{target}: the suffix stands for no format; say which with --format, e.g. wav or mp3")
    return found

"""What the options of `mayfly-sweeper run` mean."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

import typer

from mayfly_runtime.durations import parse_duration
from mayfly_sweeper.domain.selection import Shard

_SHARD: Final = re.compile(r"(\d{1,6})/(\d{1,6})")


def duration(text: str) -> timedelta:
    """`90`, `90s`, `5m`, `1h`; at least a second."""
    try:
        parsed = parse_duration(text if not text.replace(".", "", 1).isdigit() else f"{text}s")
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    if parsed < timedelta(seconds=1):
        raise typer.BadParameter("expected at least 1 s")
    return parsed


def days(text: str) -> timedelta:
    """A number of days, as system E counts: `7`, `0.5`."""
    try:
        parsed = timedelta(days=float(text))
    except (ValueError, OverflowError):
        raise typer.BadParameter(f"expected a number of days, got {text!r}") from None
    if parsed < timedelta(0):
        raise typer.BadParameter(f"must not be negative, got {text}")
    return parsed


def shard(text: str) -> Shard:
    """`0/4`: the first of four."""
    found = _SHARD.fullmatch(text)
    if found is None:
        raise typer.BadParameter(f"expected index/count, for example 0/4, got {text!r}")
    index, count = map(int, found.groups())
    if not index < count:
        raise typer.BadParameter(f"must be one of 0/{count} to {count - 1}/{count}, got {text}")
    return Shard(index=index, count=count)

"""What the options of `mayfly-sweeper run` are called, and what they mean."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final, TypeAlias

import typer

from mayfly_runtime.durations import parse_duration
from mayfly_sweeper.domain.selection import MAX_AGE, Passes, Shard, Store

_SHARD: Final = re.compile(r"(\d{1,6})/(\d{1,6})")


def duration(text: str) -> timedelta:
    """`90`, `90s`, `5m`, `1h`; at least a second."""
    try:
        parsed = parse_duration(text if not text.replace(".", "", 1).isdigit() else f"{text}s")
    except ValueError as error:
        raise typer.BadParameter(f"{error}; got {text!r}") from None
    if parsed < timedelta(seconds=1):
        raise typer.BadParameter(f"expected at least 1 s, got {text}")
    return parsed


def days(text: str) -> timedelta:
    """A number of days, as system E counts: `7`, `0.5`."""
    try:
        parsed = timedelta(days=float(text))
    except (ValueError, OverflowError):
        parsed = timedelta.max
    if not timedelta(0) <= parsed <= MAX_AGE:
        raise typer.BadParameter(f"expected a number of days, from 0 to {MAX_AGE.days:,}, got {text!r}")
    return parsed


def shard(text: str) -> Shard:
    """`0/4`: the first of four."""
    found = _SHARD.fullmatch(text)
    if found is None:
        raise typer.BadParameter(f"expected index/count, for example 0/4, got {text!r}")
    index, count = map(int, found.groups())
    if not count:
        raise typer.BadParameter(f"expected at least one share, for example 0/1, got {text}")
    if not index < count:
        raise typer.BadParameter(f"must be one of 0/{count} to {count - 1}/{count}, got {text}")
    return Shard(index=index, count=count)


DryRun: TypeAlias = Annotated[bool, typer.Option("--dry-run", help="Only look: name what would go, delete nothing.")]
WritePlan: TypeAlias = Annotated[
    Path | None, typer.Option(dir_okay=False, help="Dry run that writes what would go to this file.")
]
PlanFile: TypeAlias = Annotated[
    Path | None, typer.Option(dir_okay=False, help="Delete exactly what this plan names, but for what has changed.")
]
Collection: TypeAlias = Annotated[str, typer.Option(help="Only this collection.", show_default="all")]
KeyPrefix: TypeAlias = Annotated[str, typer.Option(help="Only objects whose key begins so.", show_default="all")]
InStore: TypeAlias = Annotated[Store | None, typer.Option(help="Only what lies there.", case_sensitive=False)]
OlderThan: TypeAlias = Annotated[
    timedelta | None, typer.Option("--days", parser=days, metavar="DAYS", help="Only what has been due that long.")
]
Share: TypeAlias = Annotated[
    Shard | None, typer.Option("--shard", parser=shard, metavar="I/N", help="Only this share, from 0/N.")
]
InPasses: TypeAlias = Annotated[Passes, typer.Option(help="due: what the index knows; orphans: what a listing finds.")]
TimeBudget: TypeAlias = Annotated[
    timedelta | None,
    typer.Option(parser=duration, metavar="SECONDS", help="Stop between two pages after this time; also 5m, 1h."),
]
MaxDeleteCount: TypeAlias = Annotated[
    int | None, typer.Option(min=0, help="Guard: delete nothing if more than this is due. 0: no limit.")
]
MaxDeleteRatio: TypeAlias = Annotated[
    float | None, typer.Option(min=0, max=1, help="Guard: delete nothing if more than this share is due. 0: no limit.")
]
AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Print the report as JSON.")]
Verbose: TypeAlias = Annotated[bool, typer.Option("--verbose", "-v", help="Log every item and what happened to it.")]

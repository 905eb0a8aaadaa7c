"""The two doors of the sweeper: `run` sweeps once, `serve` sweeps on demand."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import Annotated, NoReturn

import typer
from rich.console import Console

from mayfly_runtime import logs
from mayfly_runtime.callers_file import CallersFileError
from mayfly_runtime.durations import parse_duration
from mayfly_runtime.server import ListenError
from mayfly_runtime.settings import SettingsError
from mayfly_runtime.tls import TlsFilesError
from mayfly_sweeper import app as composition
from mayfly_sweeper.adapters.retention_client import StorageChannelError
from mayfly_sweeper.config import SweeperSettings
from mayfly_sweeper.domain.sweep import Ending, SweepOrder, SweepState
from mayfly_sweeper.progress import progress_bar
from mayfly_sweeper.summary import summary_json, summary_line, summary_table


class ExitCode(IntEnum):
    """What the scheduler sees."""

    CLEAN = 0
    SOME_FAILED = 1
    COULD_NOT_RUN = 2
    GUARDED = 3


_EXIT_CODES = {
    SweepState.CLEAN: ExitCode.CLEAN,
    SweepState.PARTIAL: ExitCode.SOME_FAILED,
    SweepState.FAILED: ExitCode.COULD_NOT_RUN,
    SweepState.GUARDED: ExitCode.GUARDED,
}

# What an operator can mend. Everything else is a fault of ours, and shows its traceback.
_UNUSABLE = (SettingsError, ListenError, CallersFileError, TlsFilesError, StorageChannelError)

app = typer.Typer(
    help="Deletes what has expired, through storage, and tells what it did.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _duration(text: str) -> timedelta:
    try:
        duration = parse_duration(text if not text.replace(".", "", 1).isdigit() else f"{text}s")
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    if duration < timedelta(seconds=1):
        raise typer.BadParameter("expected at least 1 s")
    return duration


@app.command(
    epilog="Exit codes: 0 everything due is gone; 1 some items failed, or not everything was looked at (the next run "
    "tries again); 2 the sweep could not run; 3 a guard stopped it before anything was deleted."
)
def run(
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only look: count what would go, delete nothing.")] = False,
    collection: Annotated[str, typer.Option(help="Only this collection.", show_default="all")] = "",
    time_budget: Annotated[
        timedelta | None,
        typer.Option(parser=_duration, metavar="SECONDS", help="Stop between two pages after this time; also 5m, 1h."),
    ] = None,
    max_delete_count: Annotated[
        int | None, typer.Option(min=0, help="Guard: delete nothing if more than this is due. 0: no limit.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log every item and what happened to it.")] = False,
) -> None:
    """Sweep once: the entry of a CronJob. Try it with --dry-run first."""
    settings = _settings(verbose=verbose)
    order = _order(settings, dry_run=dry_run, collection=collection)
    if time_budget is not None:
        order = replace(order, time_budget=time_budget)
    if max_delete_count is not None:
        order = replace(order, max_delete_count=max_delete_count)
    start_time, begun = datetime.now(UTC), time.monotonic()
    ending = _sweep(settings, order)
    elapsed = time.monotonic() - begun
    if as_json:
        typer.echo(summary_json(ending, order=order, start_time=start_time, elapsed=elapsed))
    else:
        _tell(ending, order, elapsed)
    raise typer.Exit(_EXIT_CODES[ending.state])


@app.command()
def serve() -> None:
    """Serve SweeperService until SIGTERM: sweeps on demand, one real one at a time."""
    settings = _settings()
    if settings.log_format == "console":
        typer.echo(settings.describe(), err=True)
    try:
        asyncio.run(composition.serve(settings))
    except _UNUSABLE as error:
        _give_up(error)


def _settings(*, verbose: bool = False) -> SweeperSettings:
    try:
        settings = SweeperSettings.load()
    except SettingsError as error:
        _give_up(error)
    logs.configure(level=settings.log_level, format=settings.log_format)
    if verbose:
        logging.getLogger("mayfly").setLevel(logging.DEBUG)
    return settings


def _order(settings: SweeperSettings, *, dry_run: bool, collection: str) -> SweepOrder:
    return replace(settings.order(), dry_run=dry_run, collection=collection)


def _sweep(settings: SweeperSettings, order: SweepOrder) -> Ending:
    try:
        with progress_bar(Console(stderr=True)) as show:
            return asyncio.run(composition.sweep_once(settings, order, on_progress=show))
    except _UNUSABLE as error:
        _give_up(error)


def _tell(ending: Ending, order: SweepOrder, elapsed: float) -> None:
    console = Console()
    if console.is_terminal and ending.report.lines:
        console.print(summary_table(ending, order=order))
    typer.echo(summary_line(ending, order=order, elapsed=elapsed))


def _give_up(error: Exception) -> NoReturn:
    typer.echo(f"mayfly-sweeper could not run: {error}", err=True)
    raise typer.Exit(ExitCode.COULD_NOT_RUN) from None

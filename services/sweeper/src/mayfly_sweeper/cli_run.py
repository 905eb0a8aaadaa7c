"""`mayfly-sweeper run`: one sweep, from options to an exit code."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import IntEnum
from typing import TYPE_CHECKING, NoReturn

import typer
from rich.console import Console

from mayfly_runtime import logs
from mayfly_runtime.callers_file import CallersFileError
from mayfly_runtime.server import ListenError
from mayfly_runtime.settings import SettingsError
from mayfly_runtime.tls import TlsFilesError
from mayfly_sweeper import app as composition
from mayfly_sweeper.adapters.plan_file import Plan, PlanError, PlanWriter
from mayfly_sweeper.adapters.retention_client import StorageChannelError
from mayfly_sweeper.config import SweeperSettings
from mayfly_sweeper.domain.sweep import Ending, SweepState
from mayfly_sweeper.progress import progress_bar
from mayfly_sweeper.summary import item_line, summary_json, summary_line, summary_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from mayfly_sweeper.domain.items import DueItem, PurgeResult
    from mayfly_sweeper.domain.sweep import SweepOrder
    from mayfly_sweeper.usecases.purging import OnResult


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
_UNUSABLE = (SettingsError, ListenError, CallersFileError, TlsFilesError, StorageChannelError, PlanError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the command line asks for besides the order."""

    plan: Path | None
    write_plan: Path | None
    as_json: bool


def load_settings(*, verbose: bool = False) -> SweeperSettings:
    """The settings, and a log as they say."""
    with giving_up():
        settings = SweeperSettings.load()
    logs.configure(level=settings.log_level, format=settings.log_format)
    if verbose:
        logging.getLogger("mayfly").setLevel(logging.DEBUG)
    return settings


def run_once(settings: SweeperSettings, order: SweepOrder, wish: Wish) -> NoReturn:
    """Sweep, tell, and exit."""
    if problems := [f"{field}: {problem}" for field, problem in order.problems()]:
        raise typer.BadParameter("; ".join(problems))
    start_time, begun = datetime.now(UTC), time.monotonic()
    with giving_up():
        ending = _sweep(settings, order, wish, start_time)
    elapsed = time.monotonic() - begun
    if wish.as_json:
        typer.echo(summary_json(ending, order=order, start_time=start_time, elapsed=elapsed))
    else:
        _tell(ending, order, elapsed)
    raise typer.Exit(_EXIT_CODES[ending.state])


@contextmanager
def giving_up() -> Iterator[None]:
    """What an operator can mend ends the command with a sentence."""
    try:
        yield
    except _UNUSABLE as error:
        typer.echo(f"mayfly-sweeper could not run: {error}", err=True)
        raise typer.Exit(ExitCode.COULD_NOT_RUN) from None


def _sweep(settings: SweeperSettings, order: SweepOrder, wish: Wish, start_time: datetime) -> Ending:
    with ExitStack() as stack:
        plan = Plan.open(wish.plan) if wish.plan else None
        writer = stack.enter_context(PlanWriter(wish.write_plan, made=start_time)) if wish.write_plan else None
        names_items = order.dry_run and not wish.as_json
        show = stack.enter_context(progress_bar(Console(stderr=True), hidden=names_items))
        ending = asyncio.run(
            composition.sweep_once(
                settings,
                order,
                plan=plan.page if plan else None,
                on_progress=show,
                on_result=_each(_name_item if names_items else None, writer.add if writer else None),
            )
        )
        return _with_plan(ending, writer) if writer else ending


def _each(*hearers: OnResult | None) -> OnResult:
    wanted: list[Callable[[DueItem, PurgeResult], None]] = [hearer for hearer in hearers if hearer is not None]

    def tell(item: DueItem, result: PurgeResult) -> None:
        for hearer in wanted:
            hearer(item, result)

    return tell


def _name_item(item: DueItem, result: PurgeResult) -> None:
    typer.echo(item_line(item, result))


def _with_plan(ending: Ending, writer: PlanWriter) -> Ending:
    """A plan of a dry run that did not see everything is still exactly what it says, so it is written, with a note."""
    if ending.state is SweepState.FAILED:
        return replace(ending, notes=(*ending.notes, "No plan was written."))
    return replace(ending, notes=(*ending.notes, f"The plan has {writer.finish()} items."))


def _tell(ending: Ending, order: SweepOrder, elapsed: float) -> None:
    console = Console()
    if console.is_terminal and ending.report.lines:
        console.print(summary_table(ending, order=order))
    typer.echo(summary_line(ending, order=order, elapsed=elapsed))

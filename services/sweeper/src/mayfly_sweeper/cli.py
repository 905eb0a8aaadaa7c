"""The command: `run` sweeps once, `serve` sweeps on demand."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import Annotated

import typer

from mayfly_sweeper import app as composition
from mayfly_sweeper.cli_options import days, duration, shard
from mayfly_sweeper.cli_run import Wish, giving_up, load_settings, run_once
from mayfly_sweeper.domain.selection import Passes, Selection, Shard, Store

app = typer.Typer(
    help="Deletes what has expired, through storage, and tells what it did.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.command(
    epilog="Exit codes: 0 everything due is gone; 1 some items failed, or not everything was looked at (the next run "
    "tries again); 2 the sweep could not run; 3 a guard stopped it before anything was deleted."
)
def run(  # noqa: PLR0913 - each option of the command is a parameter
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only look: name what would go, delete nothing.")] = False,
    write_plan: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Dry run that writes what would go to this file.")
    ] = None,
    plan: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Delete exactly what this plan names, but for what has changed.")
    ] = None,
    collection: Annotated[str, typer.Option(help="Only this collection.", show_default="all")] = "",
    path: Annotated[str, typer.Option(help="Only objects whose key begins so.", show_default="all")] = "",
    store: Annotated[Store | None, typer.Option(help="Only what lies there.", case_sensitive=False)] = None,
    older_than: Annotated[
        timedelta | None,
        typer.Option("--days", parser=days, metavar="DAYS", help="Only what has been due that long."),
    ] = None,
    share: Annotated[
        Shard | None, typer.Option("--shard", parser=shard, metavar="I/N", help="Only this share, from 0/N.")
    ] = None,
    passes: Annotated[Passes, typer.Option(help="due: what the index knows; orphans: what a listing finds.")] = (
        Passes.ALL
    ),
    time_budget: Annotated[
        timedelta | None,
        typer.Option(parser=duration, metavar="SECONDS", help="Stop between two pages after this time; also 5m, 1h."),
    ] = None,
    max_delete_count: Annotated[
        int | None, typer.Option(min=0, help="Guard: delete nothing if more than this is due. 0: no limit.")
    ] = None,
    max_delete_ratio: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Guard: delete nothing if more than this share is due. 0: no limit."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log every item and what happened to it.")] = False,
) -> None:
    """Sweep once: the entry of a CronJob. Try it with --dry-run first."""
    selection = Selection(
        collection=collection,
        path=path.lstrip("/"),
        store=store,
        older_than=older_than or timedelta(0),
        shard=share or Shard(),
    )
    _require_one_source(plan, write_plan, selection, passes)
    settings = load_settings(verbose=verbose)
    order = replace(settings.order(), dry_run=dry_run or write_plan is not None, selection=selection, passes=passes)
    if time_budget is not None:
        order = replace(order, time_budget=time_budget)
    if max_delete_count is not None:
        order = replace(order, max_delete_count=max_delete_count)
    if max_delete_ratio is not None:
        order = replace(order, max_delete_ratio=max_delete_ratio)
    if plan is not None or passes is not Passes.ALL:
        # Of what a ratio is counted, only both listings tell; who names it with one of them is told so.
        order = replace(order, max_delete_ratio=max_delete_ratio or 0)
    run_once(settings, order, Wish(plan=plan, write_plan=write_plan, as_json=as_json))


@app.command()
def serve() -> None:
    """Serve SweeperService until SIGTERM: sweeps on demand, one real one at a time."""
    settings = load_settings()
    if settings.log_format == "console":
        typer.echo(settings.describe(), err=True)
    with giving_up():
        asyncio.run(composition.serve(settings))


def _require_one_source(plan: Path | None, write_plan: Path | None, selection: Selection, passes: Passes) -> None:
    if plan is not None and (write_plan is not None or not selection.is_everything or passes is not Passes.ALL):
        raise typer.BadParameter(
            "--plan deletes exactly what the plan names, so leave out --write-plan, --collection, --path, --store, "
            "--days, --shard and --passes; give them to the dry run that writes the plan"
        )

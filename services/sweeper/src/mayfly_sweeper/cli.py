"""The command: `run` sweeps once, `serve` sweeps on demand."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import typer

from mayfly_runtime.heaps import share_heaps
from mayfly_sweeper import app as composition
from mayfly_sweeper import cli_options as options
from mayfly_sweeper.cli_run import Wish, giving_up, load_settings, run_once
from mayfly_sweeper.domain.selection import Passes, Selection, Shard

if TYPE_CHECKING:
    from pathlib import Path

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
    dry_run: options.DryRun = False,
    write_plan: options.WritePlan = None,
    plan: options.PlanFile = None,
    collection: options.Collection = "",
    path: options.KeyPrefix = "",
    store: options.InStore = None,
    older_than: options.OlderThan = None,
    share: options.Share = None,
    passes: options.InPasses = Passes.ALL,
    time_budget: options.TimeBudget = None,
    max_delete_count: options.MaxDeleteCount = None,
    max_delete_ratio: options.MaxDeleteRatio = None,
    as_json: options.AsJson = False,
    verbose: options.Verbose = False,
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
    order = settings.order()
    if plan is not None or passes is not Passes.ALL:
        # Of what a ratio is counted, only both listings tell; who names it with one of them is told so.
        order = replace(order, max_delete_ratio=0)
    order = replace(order, dry_run=dry_run or write_plan is not None, selection=selection, passes=passes)
    order = order.limited(time_budget=time_budget, max_delete_count=max_delete_count, max_delete_ratio=max_delete_ratio)
    run_once(settings, order, Wish(plan=plan, write_plan=write_plan, as_json=as_json))


@app.command()
def serve() -> None:
    """Serve SweeperService until SIGTERM: sweeps on demand, one real one at a time."""
    share_heaps()
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

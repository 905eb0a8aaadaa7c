"""`mayfly sweep`."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from mayfly_client._results_sweeper import SweepState
from mayfly_client.cli import human
from mayfly_client.cli.failures import FAILED, PARTIAL
from mayfly_client.cli.options import Collection, Json, Quiet, duration_option, output, session

if TYPE_CHECKING:
    from mayfly_client._results_sweeper import Sweep
    from mayfly_client.cli.output import Output

# Longer than any sweep: its own time budget ends it, not the one who watches.
_WATCH_SECONDS = 3_600.0


DryRun = Annotated[bool, typer.Option("--dry-run", help="Only look: count what is due, delete nothing.")]
TimeBudget = Annotated[
    timedelta | None,
    duration_option("--time-budget", "Stop after this time."),
]
MaxDelete = Annotated[
    int,
    typer.Option(
        "--max-delete", metavar="COUNT", min=0, help="Delete nothing if more than this is due. 0: the server's guard."
    ),
]
Days = Annotated[float, typer.Option("--days", metavar="DAYS", min=0, help="Only what has been due for so many days.")]
KeyPrefix = Annotated[str, typer.Option("--path", metavar="PREFIX", help="Only objects whose key begins so.")]
LocalOnly = Annotated[bool, typer.Option("--local-only", help="Leave S3 alone: only storage's own files.")]


def sweep(  # noqa: PLR0913 - each option of the command is a parameter
    ctx: typer.Context,
    *,
    dry_run: DryRun = False,
    collection: Collection = None,
    time_budget: TimeBudget = None,
    max_delete: MaxDelete = 0,
    days: Days = 0,
    path: KeyPrefix = "",
    local_only: LocalOnly = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Delete what has expired, and prove that it is gone."""
    out = output(ctx, json=json, quiet=quiet)
    with session(ctx).client() as client, out.waiting("Sweeping ...") as tell:
        begun = client.start_sweep(
            dry_run=dry_run,
            collection=collection,
            time_budget=time_budget,
            max_delete_count=max_delete,
            older_than=timedelta(days=days) if days else None,
            path=path.lstrip("/"),
            store="local" if local_only else None,
        )
        ended = begun
        for ended in client.watch_sweep(begun.name, timeout=_WATCH_SECONDS):
            tell(f"Sweeping ... {ended.report.deleted:,} of {ended.report.found:,}")
    if json:
        out.data(ended)
    elif not quiet:
        _show(out, ended)
    raise typer.Exit(_exit_code(ended))


def _exit_code(sweep: Sweep) -> int:
    """0 clean, 3 some items failed, 1 everything that needs a person."""
    if sweep.state is SweepState.CLEAN and not sweep.report.still_there:
        return 0
    return PARTIAL if sweep.state is SweepState.PARTIAL and not sweep.report.still_there else FAILED


def _show(out: Output, sweep: Sweep) -> None:
    report = sweep.report
    took = sweep.end_time - sweep.start_time if sweep.end_time else None
    facts = {
        "sweep": sweep.name,
        "state": sweep.state.lower() + (" (dry run: nothing was deleted)" if sweep.dry_run else ""),
        "found": human.count(report.found, "item"),
        "would delete" if sweep.dry_run else "deleted": f"{report.deleted:,} ({human.size(report.size_bytes)})",
        "verified gone": f"{report.verified_gone:,}",
        **({"STILL THERE": f"{report.still_there:,} - an incident"} if report.still_there else {}),
        **({"certificate": str(sweep.certificate)} if sweep.certificate else {}),
        **({"failure": sweep.failure} if sweep.failure else {}),
        **({"notes": " ".join(sweep.notes)} if sweep.notes else {}),
        "took": human.length(took),
    }
    out.facts("Dry run" if sweep.dry_run else "Swept", facts)
    if report.lines:
        columns = ("reason", "found", "deleted", "already gone", "skipped", "failed", "size")
        out.table(columns, [_row(sweep, index) for index in range(len(report.lines))])


def _row(sweep: Sweep, index: int) -> tuple[str, ...]:
    line = sweep.report.lines[index]
    counts = (line.found, line.deleted, line.already_gone, line.skipped, line.failed)
    return (line.reason.lower(), *(f"{count:,}" for count in counts), human.size(line.size_bytes))

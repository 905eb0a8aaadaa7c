"""`make prove`: three virtual days on both backends, and a report that a privacy officer can file.

Exit codes: 0 both promises were kept, 1 one was broken, 2 wrong usage.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import platform
import secrets
import sys
import tempfile
from contextlib import nullcontext
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from tests.prove.days import live_through
from tests.prove.page import Report, facts, pictures
from tests.prove.sabotage import SABOTAGES
from tests.prove.scenario import Scenario
from tests.prove.site import SITES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.prove.days import Outcome

_DISTRIBUTIONS = ("mayfly-storage", "mayfly-sweeper", "mayfly-runtime", "boto3", "moto", "grpcio")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, write the report, and say the verdict."""
    given = _parser().parse_args(arguments)
    logging.disable(logging.CRITICAL)  # trouble is what this is about
    try:
        outcomes = [_run(backend, given) for backend in given.backend or SITES]
    finally:
        logging.disable(logging.NOTSET)
    report = Report(
        outcomes=outcomes,
        made_at=datetime.now(UTC),
        versions={"python": platform.python_version(), **{name: version(name) for name in _DISTRIBUTIONS}},
    )
    given.report.parent.mkdir(parents=True, exist_ok=True)
    given.report.write_text(report.html(), encoding="utf-8")
    if given.pictures:
        _draw(report.outcomes, given.pictures)
    sys.stdout.write(report.json() + "\n" if given.json else "".join(map(_line, report.outcomes)))
    sys.stderr.write(f"The report is {given.report}\n")
    return 0 if report.is_kept else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.prove", description=__doc__)
    parser.add_argument("--hours", type=float, default=72, help="virtual hours (default: 72)")
    parser.add_argument("--backend", action="append", choices=list(SITES), help="default: all")
    parser.add_argument("--seed", type=int, default=None, help="repeats a run; default: another one each time")
    parser.add_argument("--report", type=Path, default=Path(".run/proof.html"), help="default: .run/proof.html")
    parser.add_argument("--pictures", type=Path, help="a folder that gets the pictures by themselves, too")
    parser.add_argument("--json", action="store_true", help="print all figures as JSON")
    parser.add_argument("--sabotage", choices=list(SABOTAGES), help="break storage first: the report must say so")
    return parser


def _run(backend: str, given: argparse.Namespace) -> Outcome:
    seed = secrets.randbelow(1 << 32) if given.seed is None else given.seed
    scenario, opened = Scenario(seed=seed, hours=given.hours), SITES[backend]
    if given.sabotage:
        opened = SABOTAGES[given.sabotage][1](opened)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:.0f} %"),
        TimeElapsedColumn(),
    )
    console = Console(stderr=True)
    watch = Progress(*columns, console=console) if console.is_terminal else nullcontext()
    with watch as progress, tempfile.TemporaryDirectory(prefix="mayfly-prove-") as folder:
        task = progress.add_task(f"{backend}, {given.hours:g} hours, seed {seed}", total=1.0) if progress else None

        def on_tick(done: float) -> None:
            if progress and task is not None:
                progress.update(task, completed=done)

        return asyncio.run(live_through(backend, opened, scenario, Path(folder), on_tick=on_tick))


def _draw(outcomes: Sequence[Outcome], folder: Path) -> None:
    for outcome in outcomes:
        for name, picture in pictures(outcome).items():
            (folder / f"proof-{outcome.backend}-{name}.svg").write_text(picture, encoding="utf-8")


def _line(outcome: Outcome) -> str:
    found = facts(outcome)
    late = found["lateness_seconds"]
    return (
        f"{outcome.backend}: {'both promises were kept' if outcome.is_kept else 'a promise was BROKEN'}."
        f" {outcome.scenario.hours:g} hours, seed {outcome.scenario.seed}, {outcome.seconds:.0f} s;"
        f" {late['deletions']:,} deletions by sweeps, {late['most'] / 60:.1f} minutes late at most;"
        f" {outcome.ledger.broken:,} violations\n"
        + "".join(f"  {each.promise}: {each.time:%d %H:%M:%S} {each.what}\n" for each in outcome.ledger.violations[:10])
    )


if __name__ == "__main__":
    sys.exit(main())

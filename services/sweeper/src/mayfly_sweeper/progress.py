"""Progress of a sweep on a terminal. Elsewhere nothing is shown before the summary line."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console

    from mayfly_sweeper.domain.sweep import Progress as SweepProgress


@contextmanager
def progress_bar(console: Console, *, hidden: bool = False) -> Iterator[Callable[[SweepProgress], None]]:
    """A bar that follows a sweep; it goes when the sweep has ended. Hidden where items are named, line by line."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:.0f} done, {task.fields[failed]} failed"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=hidden or not console.is_terminal) as bar:
        task = bar.add_task("asking storage", total=None, failed=0)

        def show(progress: SweepProgress) -> None:
            report = progress.report
            bar.update(
                task, description=progress.phase, total=progress.due, completed=report.found, failed=report.failed
            )

        yield show

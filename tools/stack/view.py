"""How the start of a set is shown: spinners on a terminal, plain lines elsewhere."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console
    from rich.progress import TaskID

    from tools.stack.lifecycle import View


class SpinnerView:
    """A spinner for each process, until it is ready."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}

    def starting(self, name: str) -> None:
        """Show its spinner."""
        self._tasks[name] = self._progress.add_task(f"starting {name}", total=1)

    def ready(self, name: str, seconds: float) -> None:  # noqa: ARG002 - the column shows them
        """Stop its spinner."""
        self._progress.update(self._tasks[name], description=f"{name} is ready", completed=1)


class LineView:
    """A line for each process that is ready."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def starting(self, name: str) -> None:
        """Say nothing yet."""

    def ready(self, name: str, seconds: float) -> None:
        """Say so."""
        self._console.print(f"{name} is ready ({seconds:.1f} s)", highlight=False)


@contextmanager
def start_view(console: Console) -> Iterator[View]:
    """The view that suits the console."""
    if not console.is_terminal:
        yield LineView(console)
        return
    columns = (SpinnerColumn(finished_text="[green]ok[/]"), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        yield SpinnerView(progress)

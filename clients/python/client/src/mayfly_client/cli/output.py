"""Where results go, and how they look: tables on a terminal, plain lines elsewhere, JSON or very little if asked."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.measure import Measurement
from rich.panel import Panel
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn
from rich.table import Table
from rich.text import Text

from mayfly_client.cli import as_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from rich.console import RenderableType

_WIDEST = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """One command's way to speak. Standard output has results only; everything else goes to standard error."""

    json: bool = False
    quiet: bool = False
    to_stderr: bool = False
    """Standard output is taken by audio."""

    def facts(self, title: str, facts: Mapping[str, str], *, link: str = "") -> None:
        """Some named values, and a link that a terminal must not break into lines."""
        console = self._console()
        panel = _panel(title, facts)
        if not console.is_terminal:
            facts = {**facts, **({"url": link} if link else {})}
        elif _width(console, panel) <= console.width:
            console.print(panel)
            facts = {}
        else:
            # A frame would cut the values off; whole lines can be copied from any terminal.
            console.print(Text(title, style="bold"))
        for name, value in facts.items():
            self._line(console, f"{name}: {value}")
        if link and console.is_terminal:
            self._line(console, link)

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Rows: a table on a terminal, tab-separated lines elsewhere."""
        console = self._console()
        if not console.is_terminal:
            for row in rows:
                self._line(console, "\t".join(cell.replace("\n", ", ") for cell in row))
            return
        table = Table(*columns, header_style="bold", box=SIMPLE_HEAD, border_style="dim", pad_edge=False)
        for row in rows:
            table.add_row(*(Text(cell) for cell in row))
        # As wide as it is: on a narrow terminal a name is better broken by the terminal than by us, to be copied whole.
        # The console itself is widened, since it clamps a width that is only passed to `print`.
        console.width = max(console.width, _width(console, table))
        console.print(table, soft_wrap=True)

    def line(self, text: str) -> None:
        """One line of the result."""
        self._line(self._console(), text)

    def note(self, text: str) -> None:
        """Something beside the result, for people only."""
        if not self.quiet and not self.json:
            self._line(Console(stderr=True), text)

    def data(self, value: object) -> None:
        """The result as JSON."""
        self._line(self._console(), as_json.dumps(value))

    @contextmanager
    def waiting(self, text: str) -> Iterator[Callable[[str], None]]:
        """Show that something is going on; only a terminal sees it. Answers a way to change the text."""
        console = Console(stderr=True)
        if self._silent(console):
            yield lambda _: None
            return
        with console.status(text) as status:
            yield status.update

    @contextmanager
    def transfer(self, text: str) -> Iterator[Callable[[int, int], None] | None]:
        """Show how many bytes have gone; only a terminal sees it. Answers a progress callback."""
        console = Console(stderr=True)
        if self._silent(console):
            yield None
            return
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
        with Progress(*columns, console=console, transient=True) as progress:
            task = progress.add_task(text, total=None)
            yield lambda done, total: progress.update(task, completed=done, total=total)

    def _silent(self, console: Console) -> bool:
        return self.quiet or self.json or not console.is_terminal

    def _console(self) -> Console:
        return Console(stderr=self.to_stderr)

    def _line(self, console: Console, text: str) -> None:
        # As it is: no wrapping, no colours, no expanded tabs, so that it can be copied and cut.
        console.file.write(text + "\n")


def _panel(title: str, facts: Mapping[str, str]) -> Panel:
    grid = Table.grid(padding=(0, 2))
    for name, value in facts.items():
        grid.add_row(Text(name, style="dim"), Text(value))
    return Panel.fit(grid, title=Text(title, style="bold"), title_align="left", border_style="cyan")


def _width(console: Console, what: RenderableType) -> int:
    """Columns that it takes where nothing is broken or cut off."""
    return Measurement.get(console, console.options.update(width=_WIDEST), what).maximum

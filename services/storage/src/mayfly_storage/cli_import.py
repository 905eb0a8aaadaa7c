"""`mayfly-storage import`."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from mayfly_storage.importing.importer import ImportStoppedError, Wanted
from mayfly_storage.importing.journal import JournalError, Outcome
from mayfly_storage.importing.patterns import Pattern, PatternError
from mayfly_storage.importing.session import run_import, usual_report
from mayfly_storage.importing.walking import walk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mayfly_storage.config import StorageSettings
    from mayfly_storage.importing.importer import Summary
    from mayfly_storage.importing.journal import Entry

UNUSABLE = (ImportStoppedError, JournalError, PatternError, NotADirectoryError)
SOME_FAILED = 1

Collection = Annotated[str, typer.Option(help="What the audio is: a collection of storage.")]
Paths = Annotated[
    str, typer.Option("--pattern", help="How paths below the folder read: {user_id}/{recording_id}.{ext}")
]
ExpireFrom = Annotated[
    Literal["now", "file"], typer.Option(help="Count the audio's life from now, or the file's date.")
]
Report = Annotated[
    Path | None,
    typer.Option(help="A line of JSON for each file; a later run goes on by it. Default: in the data folder."),
]
Workers = Annotated[int, typer.Option(min=1, max=32, help="Files at a time.")]
DryRun = Annotated[bool, typer.Option(help="Import nothing; tell what would be.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the counts as JSON.")]


def import_folder(  # noqa: PLR0913 - one for each option
    settings: StorageSettings,
    folder: Path,
    *,
    collection: str,
    pattern: str,
    expire_from: str,
    report: Path | None,
    workers: int,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Import, and say how it went; the exit code.

    Raises:
        NotADirectoryError: There is no such folder.
        ImportStoppedError, JournalError, PatternError: See there.
    """
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder} is no folder that can be read")
    path = report or usual_report(settings, folder, collection)
    wanted = Wanted(
        folder=folder.resolve(),
        collection=collection,
        pattern=Pattern(pattern),
        lifetime=settings.collections().get(collection).lifetime,
        from_file=expire_from == "file",
        dry_run=dry_run,
        workers=workers,
    )
    with _telling(wanted, quiet=as_json) as tell:
        summary = asyncio.run(run_import(settings, wanted, report=path, tell=tell))
    typer.echo(json.dumps(_facts(summary, path)) if as_json else _sentence(summary, path, dry_run=dry_run))
    return SOME_FAILED if summary.counts[Outcome.FAILED] else 0


@contextmanager
def _telling(wanted: Wanted, *, quiet: bool) -> Iterator[Callable[[Entry], None]]:
    """Lines for what went wrong, and a bar on a terminal."""
    if not sys.stderr.isatty() or quiet:
        yield lambda entry: _line(entry, quiet=quiet)
        return
    columns = (SpinnerColumn(), MofNCompleteColumn(), TextColumn("files"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("import", total=sum(1 for _ in walk(wanted.folder)))

        def tell(entry: Entry) -> None:
            progress.advance(task)
            _line(entry, quiet=quiet)

        yield tell


def _line(entry: Entry, *, quiet: bool) -> None:
    if entry.outcome in {Outcome.IMPORTED, Outcome.ALREADY} or quiet:
        return
    typer.echo(f"{entry.outcome:<12}  {entry.path}: {entry.reason}", err=True)


def _facts(summary: Summary, report: Path) -> dict[str, object]:
    counts = {outcome.name.lower(): summary.counts[outcome] for outcome in Outcome}
    return {**counts, "size_bytes": summary.size_bytes, "report": str(report)}


def _sentence(summary: Summary, report: Path, *, dry_run: bool) -> str:
    counts = ", ".join(f"{count} {outcome}" for outcome in Outcome if (count := summary.counts[outcome]))
    size = f"{summary.size_bytes / 1e6:.1f} MB"
    return f"{counts or 'nothing is there'}; {size}" + ("; nothing was changed" if dry_run else f"; report: {report}")

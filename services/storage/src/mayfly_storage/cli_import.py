"""`mayfly-storage import`."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

from mayfly_storage.importing.importer import ImportStoppedError
from mayfly_storage.importing.journal import JournalError, Outcome
from mayfly_storage.importing.layouts import LAYOUTS, UnknownLayoutError, layout
from mayfly_storage.importing.patterns import Pattern, PatternError
from mayfly_storage.importing.rules import FieldError, Rule, read_fields
from mayfly_storage.importing.session import run_import, usual_report
from mayfly_storage.importing.taking import Wanted
from mayfly_storage.importing.walking import walk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from mayfly_storage.config import StorageSettings
    from mayfly_storage.importing.importer import Summary
    from mayfly_storage.importing.journal import Entry


class FolderError(Exception):
    """The folder is none that can be imported."""


class UnclearError(ValueError):
    """The options do not say what the files are."""

    def __init__(self) -> None:
        """Need nothing."""
        super().__init__("say what the files are: either --layout, or --collection (with --pattern and --field)")


UNUSABLE = (
    ImportStoppedError,
    JournalError,
    PatternError,
    FieldError,
    UnknownLayoutError,
    UnclearError,
    FolderError,
)
SOME_FAILED = 1

Collection = Annotated[str, typer.Option(help="What the audio is: a collection of storage.")]
Layout = Annotated[
    str, typer.Option(help=f"How an older system kept it, in place of a collection: {', '.join(LAYOUTS)}.")
]
Paths = Annotated[
    str, typer.Option("--pattern", help="How paths below the folder read: {user_id}/{recording_id}.{ext}")
]
Fields = Annotated[
    list[str] | None,
    typer.Option("--field", help="name=value that no path says; {name} in it is what the pattern read."),
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command was given."""

    collection: str
    layout: str
    pattern: str
    fields: Sequence[str]
    expire_from: str
    report: Path | None
    workers: int
    dry_run: bool
    as_json: bool

    def rules(self) -> tuple[Rule, ...]:
        """How paths are read. Raises UnclearError, UnknownLayoutError, PatternError, FieldError."""
        if self.layout and not (self.collection or self.pattern or self.fields):
            return layout(self.layout)
        if self.layout or not self.collection:
            raise UnclearError
        fields = read_fields(self.fields)
        return (Rule(collection=self.collection, pattern=Pattern(self.pattern or "*"), fields=fields),)


def import_folder(settings: StorageSettings, folder: Path, options: Options) -> int:
    """Import, and say how it went; the exit code. Raises one of `UNUSABLE`, CollectionUnknownError, and storage's."""
    rules, collections = options.rules(), settings.collections()
    for rule in rules:
        collections.get(rule.collection)
    report = options.report or usual_report(settings, folder, options.layout or options.collection)
    own = [settings.data_dir, report] + ([settings.fallback_dir] if settings.fallback_dir else [])
    wanted = Wanted(
        folder=_usable(folder, settings.data_dir),
        rules=rules,
        own=[path.resolve() for path in own],
        from_file=options.expire_from == "file",
        dry_run=options.dry_run,
        workers=options.workers,
    )
    with _telling(wanted, quiet=options.as_json) as tell:
        summary = asyncio.run(run_import(settings, wanted, report=report, tell=tell))
    facts, sentence = _facts(summary, report), _sentence(summary, report, dry_run=options.dry_run)
    typer.echo(json.dumps(facts) if options.as_json else sentence)
    return SOME_FAILED if summary.counts[Outcome.FAILED] else 0


def _usable(folder: Path, data_dir: Path) -> Path:
    try:
        next(walk(folder), None)
    except OSError as error:
        raise FolderError(f"{folder} is no folder that can be read: {error.strerror}") from None
    if folder.resolve().is_relative_to(data_dir.resolve()):
        raise FolderError(f"{folder} lies in storage's own data folder; name one outside of it")
    return folder.resolve()


@contextmanager
def _telling(wanted: Wanted, *, quiet: bool) -> Iterator[Callable[[Entry], None]]:
    """Lines for what went wrong, and a bar on a terminal."""
    if quiet or not sys.stderr.isatty():
        yield lambda entry: None if quiet else _line(entry)
        return
    columns = (SpinnerColumn(), BarColumn(), MofNCompleteColumn(), TextColumn("files"), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("import", total=sum(1 for _ in walk(wanted.folder, own=wanted.own)))

        def tell(entry: Entry) -> None:
            progress.advance(task)
            _line(entry)

        yield tell


def _line(entry: Entry) -> None:
    if entry.outcome in {Outcome.IMPORTED, Outcome.ALREADY}:
        return
    typer.echo(f"{entry.outcome:<12}  {_shown(entry.path)}: {_shown(entry.reason)}", err=True)


def _shown(text: str) -> str:
    """Without what a terminal would obey: names of files may hold anything."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def _facts(summary: Summary, report: Path) -> dict[str, object]:
    counts = {outcome.name.lower(): summary.counts[outcome] for outcome in Outcome}
    return {**counts, "size_bytes": summary.size_bytes, "report": str(report)}


def _sentence(summary: Summary, report: Path, *, dry_run: bool) -> str:
    counts = ", ".join(f"{count} {outcome}" for outcome in Outcome if (count := summary.counts[outcome]))
    size = f"{summary.size_bytes / 1e6:.1f} MB"
    return f"{counts or 'nothing is there'}; {size}" + ("; nothing was changed" if dry_run else f"; report: {report}")

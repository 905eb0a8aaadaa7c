"""What a full embedded store costs the sweep: a hundred thousand rows that are not due, and files of one folder.

The rows are in SQLite, the files are empty. Each is asked for a page, in a small store and in a large one in turn.
"""

from __future__ import annotations

import itertools
import tempfile
import time
import tracemalloc
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING
from uuid import uuid4

from bench.report import Row
from bench.storage_server import an_audio, now
from mayfly_storage.backends.embedded import listing, statements
from mayfly_storage.backends.embedded.database import open_for_writing
from mayfly_storage.backends.embedded.tree import walk
from mayfly_storage.domain.ports import Shard

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

ROUNDS = 7
SMALL, LARGE = 10_000, 100_000
PAGE = 100
DUE = 500
FILES_OF_A_PAGE = 1_000
_WHOLE = Shard(index=0, count=1)


def catalog(path: Path, kept: int) -> sqlite3.Connection:
    """A database with some rows that are due, and so many that are not."""
    connection = open_for_writing(path)
    connection.execute("BEGIN")
    for number in range(DUE + kept):
        is_due = number < DUE
        statements.add_audio(connection, an_audio(), now() + timedelta(days=-1 if is_due else 1, seconds=number))
    connection.execute("COMMIT")
    return connection


def folder(path: Path, files: int) -> Path:
    """A folder with so many empty files."""
    path.mkdir()
    for _ in range(files):
        (path / f"{uuid4()}.wav").touch()
    return path


def page_of_due(connection: sqlite3.Connection) -> Callable[[], object]:
    """What ListExpired reads."""
    start = listing.Position.of_due("")
    return lambda: listing.list_due(connection, now(), shard=_WHOLE, limit=PAGE, start=start)


def page_of_files(path: Path) -> Callable[[], object]:
    """What ListOrphans reads, from the middle of the folder on."""
    most = FILES_OF_A_PAGE + 1
    return lambda: list(itertools.islice(walk(path, prefix="", after="8", most=most), most))


def milliseconds(small: Callable[[], object], large: Callable[[], object]) -> tuple[float, float]:
    """Of each, in turn; the first round does not count."""
    taken: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS + 1):
        for ask, times in zip((small, large), taken, strict=True):
            begun = time.perf_counter()
            ask()
            times.append((time.perf_counter() - begun) * 1_000)
    return median(taken[0][1:]), median(taken[1][1:])


def peak(ask: Callable[[], object]) -> float:
    """MiB that Python's objects take at most meanwhile."""
    tracemalloc.start()
    try:
        ask()
        return tracemalloc.get_traced_memory()[1] / 2**20
    finally:
        tracemalloc.stop()


def row(name: str, unit: str, figures: tuple[float, float], *, goal: float | None) -> Row:
    """The large store beside the small one."""
    small, large = figures
    return Row(
        name=name,
        unit=unit,
        measured=large,
        limit=small,
        limit_name=f"the same of {SMALL:,}",
        goal=goal,
        higher_is_better=False,
    )


def run() -> list[Row]:
    """Fill, and ask."""
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        few, many = page_of_files(folder(root / "small", SMALL)), page_of_files(folder(root / "large", LARGE))
        with (
            closing(catalog(root / "small.sqlite3", SMALL)) as small,
            closing(catalog(root / "large.sqlite3", LARGE)) as large,
        ):
            due = milliseconds(page_of_due(small), page_of_due(large))
        return [
            row(f"a page of what is due, of {LARGE:,} rows", "ms", due, goal=1.5),
            row(f"memory to list files, of {LARGE:,} in a folder", "MiB", (peak(few), peak(many)), goal=1.1),
            row(f"time to list files, of {LARGE:,} in a folder", "ms", milliseconds(few, many), goal=None),
        ]

"""SQLite's own check of the catalog, over a connection that can only read. Storage may write meanwhile."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from mayfly_storage.backends.embedded.database import SCHEMA_VERSION
from mayfly_storage.domain.findings import Finding

if TYPE_CHECKING:
    from pathlib import Path

    from mayfly_storage.backends.embedded.doctor.patient import EmbeddedPatient

_LONGEST: Final = 60.0
"""Seconds; a catalog of millions of rows takes a few."""
_STEPS: Final = 100_000
"""Of SQLite's machine, between two looks at the clock."""
_MEND: Final = "Stop storage, keep a copy, and restore the file, or move it and `objects` away to start empty."


async def database(patient: EmbeddedPatient) -> Finding:
    """Whether the file is whole, and of a version that this Mayfly knows."""
    return await patient.offload(_check, patient.folder.database)


def _check(path: Path) -> Finding:
    if not path.exists():
        return Finding.skipped("there is none yet; the first start makes it")
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)) as connection:
            return _judged(connection)
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
            return Finding.warning(
                f"quick_check did not end within {_LONGEST:.0f} s", "Run it by hand, at a quiet hour."
            )
        return Finding.failed(str(error), "Check the disk, and the owner of the file.")
    except sqlite3.DatabaseError as error:
        return Finding.failed(str(error), _MEND)


def _judged(connection: sqlite3.Connection) -> Finding:
    end = time.monotonic() + _LONGEST
    connection.set_progress_handler(lambda: time.monotonic() > end, _STEPS)
    [version] = connection.execute("PRAGMA user_version").fetchone()
    if version > SCHEMA_VERSION:
        return Finding.failed(
            f"it has version {version}, and this Mayfly knows {SCHEMA_VERSION}", "Use the newer Mayfly that wrote it."
        )
    [said] = connection.execute("PRAGMA quick_check(1)").fetchone()
    return Finding.ok(f"whole, version {version}") if said == "ok" else Finding.failed(str(said), _MEND)

"""The SQLite file: opened with the settings that the promises need, and only in a version that this code knows."""

from __future__ import annotations

import os
import sqlite3
from importlib import resources
from typing import TYPE_CHECKING, Final

from mayfly_storage.backends.embedded.errors import kind_of
from mayfly_storage.backends.embedded.folder import DataFolderError

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA_VERSION: Final = 6
_SCHEMAS: Final = ("schema.sql", "quotas.sql", "certificates.sql", "leases.sql", "parts.sql", "ready.sql")
"""What leads from each version to the next, beginning with an empty file."""
_OLDEST_SQLITE: Final = (3, 37, 0)  # STRICT tables

_SETTINGS: Final = (
    "PRAGMA journal_mode = WAL",  # readers do not wait for the writer
    "PRAGMA synchronous = FULL",  # a commit has reached the disk when it returns
    "PRAGMA secure_delete = ON",  # what leaves a row is overwritten, not merely forgotten
    "PRAGMA busy_timeout = 5000",
    "PRAGMA foreign_keys = ON",
    "PRAGMA temp_store = MEMORY",  # nothing personal in temporary files
    "PRAGMA trusted_schema = OFF",
    # KiB. The reader drops its pages at every write, and 2 MiB of them, coming and going, leave holes in the heap.
    "PRAGMA cache_size = -512",
)


def open_for_writing(path: Path) -> sqlite3.Connection:
    """Open the catalog, and make it if it is missing.

    Raises:
        DataFolderError: If the file is no catalog, or of a newer Mayfly.
    """
    if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        raise DataFolderError(path, f"SQLite {sqlite3.sqlite_version} is too old; 3.37 or later is needed.")
    try:
        # SQLite's own files (-wal, -shm) take this one's rights.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        return _connect_and_prepare(path)
    except sqlite3.DatabaseError as error:
        raise DataFolderError(path, f"{error}. {_REMEDIES.get(kind_of(error), _CHECK)}") from error
    except OSError as error:
        raise DataFolderError(path, f"{error.strerror}. {_CHECK}") from error


_CHECK: Final = "Check the disk and the owner of the file."
_MOVE: Final = "Mend the file, bring it back from a backup, or move it and the folder `objects` away to start empty."
_REMEDIES: Final = {
    sqlite3.SQLITE_FULL: "Make room on the disk.",
    sqlite3.SQLITE_NOTADB: _MOVE,
    sqlite3.SQLITE_CORRUPT: _MOVE,
}


def _connect_and_prepare(path: Path) -> sqlite3.Connection:
    connection = _connect(path)
    try:
        _prepare(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def open_for_reading(path: Path) -> sqlite3.Connection:
    """A second connection, which sees whatever was committed before each of its statements."""
    connection = _connect(path)
    connection.execute("PRAGMA query_only = ON")
    return connection


def _connect(path: Path) -> sqlite3.Connection:
    # Every connection is used by one thread at a time, but not by the one that opens it.
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    try:
        for setting in _SETTINGS:
            connection.execute(setting)
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > SCHEMA_VERSION:
        raise DataFolderError(
            path,
            f"it has version {version}, and this Mayfly knows versions up to {SCHEMA_VERSION}. Start the newer Mayfly "
            "that wrote it, or choose another folder in the settings.",
        )
    for name in _SCHEMAS[version:]:
        schema = resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
        connection.executescript(f"BEGIN IMMEDIATE;\n{schema}\nCOMMIT;")

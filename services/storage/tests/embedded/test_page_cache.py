"""A connection keeps a few pages of the catalog in memory, however much of it was read or written."""

from __future__ import annotations

import _sqlite3
import ctypes
from contextlib import closing
from typing import TYPE_CHECKING, Final

import pytest

from mayfly_storage.backends.embedded.database import open_for_reading, open_for_writing

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

MIB: Final = 1 << 20
ROWS: Final = 20_000

SQLITE = ctypes.CDLL(_sqlite3.__file__)
pytestmark = pytest.mark.skipif(
    not hasattr(SQLITE, "sqlite3_memory_used"), reason="this Python hides how much SQLite holds"
)


def held() -> int:
    """Bytes that SQLite has of this process, by its own account."""
    count = SQLITE.sqlite3_memory_used
    count.restype = ctypes.c_int64
    return int(count())


def write(connection: sqlite3.Connection) -> None:
    """Requests, of some megabytes: one row after the other, none in the order of its key."""
    connection.execute("BEGIN")
    connection.executemany(
        "INSERT INTO requests VALUES ('caller', hex(randomblob(64)), hex(randomblob(64)), '2026-11-21', ?, 0)",
        ((str(number),) for number in range(ROWS)),
    )
    connection.execute("COMMIT")


def test_neither_writing_nor_reading_keeps_a_mebibyte_of_pages(tmp_path: Path) -> None:
    path = tmp_path / "catalog.sqlite3"
    before = held()
    with closing(open_for_writing(path)) as writing:
        write(writing)
        written = held()
        with closing(open_for_reading(path)) as reading:
            reading.execute("SELECT count(fingerprint || request_id) FROM requests").fetchone()
            read = held()

    assert path.stat().st_size > 4 * MIB
    assert written - before < MIB
    assert read - written < MIB

"""How much is stored, counted some rows at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mayfly_storage.domain.ports import Footprint

if TYPE_CHECKING:
    import sqlite3

_STEP: Final = 20_000
"""Rows of one step: tens of milliseconds, so that no read holds up the others."""

_MEASURE: Final = """
WITH step AS (
  SELECT rowid AS place, collection, state, size_bytes FROM audio WHERE rowid > :after ORDER BY rowid LIMIT :step
)
SELECT collection, MAX(place) AS last, COUNT(*) AS seen,
  SUM(state = 'READY') AS objects, SUM(IIF(state = 'READY', size_bytes, 0)) AS size_bytes
FROM step GROUP BY collection
"""


def measure(
    connection: sqlite3.Connection, *, after: int, step: int = _STEP
) -> tuple[dict[str, Footprint], int | None]:
    """The READY rows of the next step by collection, and where the one after that begins; None: that was all."""
    rows = connection.execute(_MEASURE, {"after": after, "step": step}).fetchall()
    found = {
        row["collection"]: Footprint(objects=row["objects"], size_bytes=row["size_bytes"])
        for row in rows
        if row["objects"]
    }
    has_more = sum(row["seen"] for row in rows) == step
    return found, max(row["last"] for row in rows) if has_more else None

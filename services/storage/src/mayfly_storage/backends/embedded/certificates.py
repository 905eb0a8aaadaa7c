"""The chain of certificates in SQLite: one writer, so the end of the chain is where it was read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from mayfly_storage.backends.embedded.rows import from_micros, to_micros
from mayfly_storage.domain.certificates import Certificate
from mayfly_storage.domain.errors import CertificateConflictError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Sequence
    from datetime import datetime, timedelta

    from mayfly_storage.backends.embedded.reader import Reader
    from mayfly_storage.backends.embedded.writer import GroupWriter

_BEHIND_ALL: Final = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class SqliteCertificates:
    """A CertificateLog."""

    read: Reader
    write: GroupWriter
    lifetime: timedelta
    now: Callable[[], datetime]

    async def append(self, body: bytes, *, previous_sha256: bytes, request_id: str) -> Certificate:
        """Add one behind the newest."""
        now = self.now()

        def write(connection: sqlite3.Connection) -> Certificate:
            newest = next(iter(_newest(connection, None, 1)), None)
            if previous_sha256 != (newest.sha256 if newest else b""):
                raise CertificateConflictError(previous_sha256.hex())
            added = Certificate.behind(newest, body, request_id=request_id, create_time=now)
            _add(connection, added)
            # The new one is the newest, so the end of the chain is always there.
            connection.execute("DELETE FROM certificates WHERE create_time <= ?", (to_micros(now - self.lifetime),))
            return added

        return await self.write(write)

    async def newest(self, *, before: int | None, limit: int) -> Sequence[Certificate]:
        """Newest first."""
        return await self.read(lambda connection: _newest(connection, before, limit))


def _newest(connection: sqlite3.Connection, before: int | None, limit: int) -> list[Certificate]:
    rows = connection.execute(
        "SELECT * FROM certificates WHERE sequence < ? ORDER BY sequence DESC LIMIT ?",
        (_BEHIND_ALL if before is None else before, limit),
    )
    return [_certificate(row) for row in rows]


def _add(connection: sqlite3.Connection, added: Certificate) -> None:
    connection.execute(
        "INSERT INTO certificates (sequence, body, previous_sha256, request_id, create_time) VALUES (?, ?, ?, ?, ?)",
        (added.sequence, added.body, added.previous_sha256, added.request_id, to_micros(added.create_time)),
    )


def _certificate(row: Any) -> Certificate:
    return Certificate(
        sequence=row["sequence"],
        body=row["body"],
        previous_sha256=row["previous_sha256"],
        request_id=row["request_id"],
        create_time=from_micros(row["create_time"]),
    )

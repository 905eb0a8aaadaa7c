"""No statement of the catalog walks through a table: SQLite says so of every one that a life of audio takes."""

from __future__ import annotations

import itertools
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from mayfly_storage.backends.embedded.catalog import SqliteCatalog
from mayfly_storage.backends.embedded.certificates import SqliteCertificates
from mayfly_storage.backends.embedded.database import open_for_writing
from mayfly_storage.domain.ports import AudioFilter, Shard
from mayfly_storage.domain.quotas import QuotaLimits, QuotaUse, Reservation, Work, tallies
from mayfly_storage.domain.timing import Timing
from mayfly_storage.testing import DAWN, a_request, an_audio

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator
    from pathlib import Path

NO_TABLE = ("SCAN name VIRTUAL TABLE", "SCAN step", "SCAN CONSTANT ROW")
"""What was asked for, and what was found."""
READINESS = "SELECT 1 FROM audio LIMIT 1"
DAY = timedelta(days=1)


class Watched:
    """A connection that notes what it is asked, in place of those of the reader and of the writer."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.asked: list[str] = []
        connection.set_trace_callback(self.asked.append)

    async def __call__(self, work: Callable[[sqlite3.Connection], Any], **_: bool) -> Any:
        return work(self._connection)

    short = __call__

    def plans(self) -> dict[str, list[str]]:
        """How SQLite goes about each statement; those of its own are comments."""
        self._connection.set_trace_callback(None)
        statements = dict.fromkeys(sql for sql in self.asked if not sql.startswith("--"))
        return {
            sql: [step["detail"] for step in self._connection.execute(f"EXPLAIN QUERY PLAN {sql}")]
            for sql in statements
        }


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    with closing(open_for_writing(tmp_path / "catalog.sqlite3")) as connection:
        yield Watched(connection)


async def live(catalog: SqliteCatalog) -> None:
    """Whatever happens to rows, from W1 to D4."""
    audios = [an_audio(owner="user:anna", key_fields={"session_id": "s1"}, claims_key=True) for _ in range(2)]
    counted = tuple(tallies(QuotaLimits(characters_per_day=9), Work(), whose="anna", now=DAWN))
    reservation = Reservation(caller="synth", request_id="r", fingerprint="f", expire_time=DAWN + DAY)
    await catalog.reserve_quota(reservation, counted)
    pays = [QuotaUse(reservation=("synth", "r"), tallies=counted), None]
    for audio, paid in zip(audios, pays, strict=True):
        request = a_request(audio)
        await catalog.reserve(audio, request, pays=paid)
        await catalog.find_request(request.caller, request.request_id, DAWN)
        await catalog.name_upload(audio, "upload")
    ready = [await catalog.make_ready(audio.ready(etag="tag")) for audio in audios]
    ready = [await catalog.retain(audio, DAWN + 2 * DAY) for audio in ready]
    await catalog.get_many([audio.name for audio in ready])
    await catalog.find_by_keys([audio.object_key for audio in ready])
    tombstones = [row for row in await catalog.begin_delete(ready, DAWN) if row is not None]
    assert len(tombstones) == 2
    await catalog.mark_bytes_gone(tombstones)
    await catalog.release(tombstones)
    await catalog.remove(tombstones)


async def find(catalog: SqliteCatalog) -> None:
    """Every listing there is, from its beginning and from a cursor."""
    await catalog.measure()
    for _ in range(2):
        await catalog.reserve(an_audio(owner="user:anna", collection="c", key_fields={"session_id": "s"}), None)
    due = await catalog.list_due(DAWN + DAY, shard=Shard(), limit=1)
    await catalog.list_due(DAWN + DAY, shard=Shard(index=1, count=3), limit=1, cursor=due.cursor)
    asked = itertools.product(("", "c"), ("", "2026-01-15"), ("", "user:anna"), ("", "s"), ("", "temp"), (False, True))
    for collection, date, owner, session, prefix, ready in asked:
        wanted = AudioFilter(
            collection=collection, date=date, owner=owner, session_id=session, object_key_prefix=prefix, ready=ready
        )
        page = await catalog.list_audio(wanted, limit=1)
        assert bool(page.items) is (not ready)
        await catalog.list_audio(wanted, limit=1, cursor=page.cursor)


async def certify(certificates: SqliteCertificates) -> None:
    first = await certificates.append(b"first", previous_sha256=b"", request_id="1")
    await certificates.append(b"second", previous_sha256=first.sha256, request_id="2")
    assert len(await certificates.newest(before=None, limit=5)) == 2
    assert len(await certificates.newest(before=2, limit=5)) == 1


async def test_no_statement_walks_through_a_table(watched: Watched) -> None:
    tools: Any = {"read": watched, "write": watched, "now": lambda: DAWN}
    catalog = SqliteCatalog(**tools, timing=Timing())
    await live(catalog)
    await find(catalog)
    await catalog.check()
    await certify(SqliteCertificates(**tools, lifetime=DAY))

    plans = watched.plans()

    assert len(plans) > 100
    assert plans.pop(READINESS)
    walks = {sql: step for sql, steps in plans.items() for step in steps if step.startswith("SCAN")}
    assert {sql: step for sql, step in walks.items() if not step.startswith(NO_TABLE)} == {}
    sorts = [sql for sql, steps in plans.items() if any("TEMP B-TREE" in step for step in steps)]
    assert all("GROUP BY collection" in sql for sql in sorts), sorts  # a group for each collection, of a step's rows

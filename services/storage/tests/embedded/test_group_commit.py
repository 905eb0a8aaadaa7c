"""Writes that share a transaction, and nothing else."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from contextlib import asynccontextmanager, closing
from typing import TYPE_CHECKING

import pytest

from mayfly_runtime.errors import ServerBusyError
from mayfly_runtime.offload import Offload
from mayfly_storage.backends.embedded.database import open_for_writing
from mayfly_storage.backends.embedded.writer import GroupWriter
from mayfly_storage.domain.errors import BackendUnavailableError, StorageFullError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

ADD = "INSERT INTO requests VALUES (?, 'r', 'f', 'd', 'a', 0)"


class Writing:
    """A writer, its connection, and a gate that holds its thread so that writes pile up behind it."""

    def __init__(self, connection: sqlite3.Connection, offload: Offload, *, limit: int) -> None:
        self.connection = connection
        self.write = GroupWriter(connection, offload=offload, limit=limit)
        self.commits = 0
        connection.set_trace_callback(self._count)

    def _count(self, statement: str) -> None:
        self.commits += statement == "COMMIT"

    @asynccontextmanager
    async def gathering(self) -> AsyncIterator[None]:
        """Within it nothing is written, and writes wait together."""
        gate = threading.Event()
        held = asyncio.ensure_future(self.write(lambda _: gate.wait(10)))
        await asyncio.sleep(0)  # lets it take the thread
        try:
            yield
            await asyncio.sleep(0)  # lets the others queue up
        finally:
            gate.set()
            await held

    def callers(self) -> list[str]:
        return [row[0] for row in self.connection.execute("SELECT caller FROM requests ORDER BY caller")]


@pytest.fixture
async def writing(tmp_path: Path) -> AsyncIterator[Writing]:
    offload = Offload(name="write", workers=1, queue=16)
    with closing(open_for_writing(tmp_path / "catalog.sqlite3")) as connection:
        yield Writing(connection, offload, limit=50)
        await offload.shutdown()


def add(caller: str) -> Callable[[sqlite3.Connection], str]:
    def write(connection: sqlite3.Connection) -> str:
        connection.execute(ADD, (caller,))
        return caller

    return write


def add_and_refuse(caller: str) -> Callable[[sqlite3.Connection], None]:
    def write(connection: sqlite3.Connection) -> None:
        connection.execute(ADD, (caller,))
        raise LookupError(caller)

    return write


async def test_writes_that_wait_together_share_one_commit(writing: Writing) -> None:
    async with writing.gathering():
        waiting = asyncio.gather(*(writing.write(add(f"{n:02}")) for n in range(30)))
    before = writing.commits

    assert await waiting == [f"{n:02}" for n in range(30)]
    assert writing.commits - before <= 1
    assert writing.callers() == [f"{n:02}" for n in range(30)]


async def test_a_refused_write_changes_nothing_and_takes_nobody_with_it(writing: Writing) -> None:
    async with writing.gathering():
        waiting = asyncio.gather(
            writing.write(add("a")), writing.write(add_and_refuse("b")), writing.write(add("c")), return_exceptions=True
        )

    first, refused, last = await waiting
    assert (first, last) == ("a", "c")
    assert isinstance(refused, LookupError)
    assert writing.callers() == ["a", "c"]


async def test_a_mistake_in_one_write_takes_nobody_with_it(writing: Writing) -> None:
    async with writing.gathering():
        waiting = asyncio.gather(
            writing.write(lambda connection: connection.execute("SELEKT 1")),
            writing.write(add("b")),
            return_exceptions=True,
        )

    mistake, good = await waiting
    assert isinstance(mistake, sqlite3.OperationalError)
    assert good == "b"


async def test_whoever_went_away_before_the_start_is_not_written_for(writing: Writing) -> None:
    async with writing.gathering():
        gone = asyncio.ensure_future(writing.write(add("gone")))
        stays = asyncio.ensure_future(writing.write(add("stays")))
        await asyncio.sleep(0)
        gone.cancel()

    assert await stays == "stays"
    assert writing.callers() == ["stays"]


async def test_no_more_writes_wait_than_may(writing: Writing) -> None:
    async with writing.gathering():
        waiting = asyncio.gather(*(writing.write(add(f"{n:02}")) for n in range(50)))
        await asyncio.sleep(0)
        with pytest.raises(ServerBusyError):
            await writing.write(add("one too many"))

    assert len(await waiting) == 50


async def test_a_full_disk_refuses_all_that_share_the_transaction_and_breaks_nothing(writing: Writing) -> None:
    pages = writing.connection.execute("PRAGMA page_count").fetchone()[0]
    writing.connection.execute(f"PRAGMA max_page_count = {pages}")
    async with writing.gathering():
        waiting = asyncio.gather(*(writing.write(add(f"{n:02}" * 3000)) for n in range(3)), return_exceptions=True)

    assert [type(outcome) for outcome in await waiting] == [StorageFullError] * 3
    writing.connection.execute(f"PRAGMA max_page_count = {pages + 100}")
    assert await writing.write(add("after")) == "after"
    assert writing.callers() == ["after"]


async def test_a_database_that_another_process_locks_is_unavailable_and_comes_back(
    writing: Writing, tmp_path: Path
) -> None:
    writing.connection.execute("PRAGMA busy_timeout = 1")
    with closing(sqlite3.connect(tmp_path / "catalog.sqlite3", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(BackendUnavailableError):
            await writing.write(add("a"))
        other.execute("ROLLBACK")

    assert await writing.write(add("b")) == "b"


async def test_the_log_is_emptied_of_what_was_erased_as_soon_as_no_reader_holds_it(
    writing: Writing, tmp_path: Path
) -> None:
    log = tmp_path / "catalog.sqlite3-wal"
    writing.connection.execute("PRAGMA busy_timeout = 1")
    await writing.write(add("canary"))
    with closing(sqlite3.connect(tmp_path / "catalog.sqlite3", isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM requests").fetchall()
        await writing.write(lambda connection: connection.execute("DELETE FROM requests").rowcount, erases=True)
        held = size_of(log)
        reader.execute("ROLLBACK")

    await writing.write(add("next"))

    assert held > 0
    assert size_of(log) == 0


def size_of(path: Path) -> int:
    return path.stat().st_size

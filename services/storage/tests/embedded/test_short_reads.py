"""Short reads that share the way to the reading thread, and nothing else."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from contextlib import asynccontextmanager, closing
from typing import TYPE_CHECKING, Any

import pytest

from mayfly_runtime.errors import ServerBusyError
from mayfly_runtime.offload import Offload
from mayfly_storage.backends.embedded.database import open_for_reading, open_for_writing
from mayfly_storage.backends.embedded.reader import Reader
from mayfly_storage.domain.errors import BackendUnavailableError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

LIMIT = 12


class CountingOffload(Offload):
    """A pool that knows how often it was asked."""

    asked = 0

    async def __call__(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        self.asked += 1
        return await super().__call__(fn, *args, **kwargs)


class Reading:
    """A reader, and a gate that holds its thread so that reads pile up behind it."""

    def __init__(self, connection: sqlite3.Connection, pool: CountingOffload) -> None:
        self.pool = pool
        self.read = Reader(connection, offload=pool, limit=LIMIT)

    @asynccontextmanager
    async def gathering(self) -> AsyncIterator[asyncio.Future[bool]]:
        """Within it nothing is read, and short reads wait together."""
        gate = threading.Event()
        held = asyncio.ensure_future(self.read.short(lambda _: gate.wait(10)))
        await asyncio.sleep(0)  # lets it take the thread
        try:
            yield held
            await asyncio.sleep(0)  # lets the others queue up
        finally:
            gate.set()
            await asyncio.wait([held])

    def several(self, *reads: Callable[[sqlite3.Connection], Any]) -> list[asyncio.Future[Any]]:
        return [asyncio.ensure_future(self.read.short(each)) for each in reads]


@pytest.fixture
async def reading(tmp_path: Path) -> AsyncIterator[Reading]:
    pool = CountingOffload(name="read", workers=1, queue=4)
    path = tmp_path / "catalog.sqlite3"
    open_for_writing(path).close()
    with closing(open_for_reading(path)) as connection:
        yield Reading(connection, pool)
        await pool.shutdown()


def say(text: str) -> Callable[[sqlite3.Connection], Any]:
    return lambda connection: connection.execute("SELECT ?", (text,)).fetchone()[0]


async def test_reads_that_wait_go_together_and_are_answered_one_by_one(reading: Reading) -> None:
    async with reading.gathering():
        waiting = reading.several(*map(say, "abcdefgh"))

    assert await asyncio.gather(*waiting) == list("abcdefgh")
    assert reading.pool.asked == 2


async def test_a_read_that_fails_concerns_no_other(reading: Reading) -> None:
    def broken(_: sqlite3.Connection) -> None:
        raise LookupError("nothing there")

    def locked(_: sqlite3.Connection) -> None:
        error = sqlite3.OperationalError("database is locked")
        error.sqlite_errorcode = sqlite3.SQLITE_BUSY
        raise error

    async with reading.gathering():
        waiting = reading.several(say("a"), broken, locked, say("b"))

    first, not_there, unavailable, last = await asyncio.gather(*waiting, return_exceptions=True)
    assert (first, last) == ("a", "b")
    assert isinstance(not_there, LookupError)
    assert isinstance(unavailable, BackendUnavailableError)


async def test_no_more_reads_wait_than_are_allowed(reading: Reading) -> None:
    async with reading.gathering():
        waiting = reading.several(*[say("a")] * LIMIT)
        await asyncio.sleep(0)
        with pytest.raises(ServerBusyError):
            await reading.read.short(say("one too many"))

    assert await asyncio.gather(*waiting) == ["a"] * LIMIT


async def test_who_waits_is_answered_though_the_one_before_went_away(reading: Reading) -> None:
    async with reading.gathering() as held:
        waiting = reading.several(say("a"), say("b"))
        await asyncio.sleep(0)
        held.cancel()

    assert await asyncio.gather(*waiting) == ["a", "b"]
    assert await reading.read.short(say("c")) == "c"


async def test_nothing_is_read_for_those_who_stopped_waiting(reading: Reading) -> None:
    read = []
    async with reading.gathering():
        [gone, here] = reading.several(read.append, say("b"))
        await asyncio.sleep(0)
        gone.cancel()

    assert await here == "b"
    assert read == []


async def test_a_closed_pool_is_told_to_all_who_wait(reading: Reading) -> None:
    async with reading.gathering():
        waiting = reading.several(say("a"), say("b"))
        await asyncio.sleep(0)
        closing_pool = asyncio.ensure_future(reading.pool.shutdown())
        await asyncio.sleep(0)

    outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    await closing_pool
    assert [type(outcome).__name__ for outcome in outcomes] == ["OffloadClosedError"] * 2

"""Group commit: writes that wait while the disk is busy share the next transaction, and with it one fsync.

Each write is still a transaction to itself: a savepoint keeps it apart from the others, so one that is refused changes
nothing and takes nobody with it. Nothing is answered before the common transaction is on disk.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from mayfly_runtime.errors import ServerBusyError
from mayfly_storage.backends.embedded.errors import of_sqlite

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mayfly_runtime.offload import Offload

T = TypeVar("T")

logger = logging.getLogger(__name__)

_TOGETHER: Final = 256
"""Most writes of one transaction: enough to hide the fsync, few enough to answer soon."""


@dataclass(slots=True)
class _Waiting:
    write: Callable[[sqlite3.Connection], Any]
    erases: bool
    answer: asyncio.Future[Any]


class GroupWriter:
    """The only writer of a catalog; `await writer(write)` runs `write(connection)` durably."""

    def __init__(self, connection: sqlite3.Connection, *, offload: Offload, limit: int) -> None:
        """Take what is open.

        Args:
            connection: Used by nobody else.
            offload: With one worker, used by nobody else.
            limit: How many writes may wait.
        """
        self._connection = connection
        self._offload = offload
        self._limit = limit
        self._waiting: deque[_Waiting] = deque()
        self._flushing: asyncio.Task[None] | None = None
        self._to_erase = False

    async def __call__(self, write: Callable[[sqlite3.Connection], T], *, erases: bool = False) -> T:
        """Run a write; what it raises is raised here, and then it has changed nothing.

        Args:
            write: Runs on the writer's thread; refuses by raising.
            erases: It removes personal data, which must not survive in the write-ahead log either.
        """
        if len(self._waiting) >= self._limit:
            raise ServerBusyError("catalog writes", limit=self._limit)
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(write, erases, answer))
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.create_task(self._flush())
        return await answer

    async def drain(self) -> None:
        """Wait until everything that was asked for is done."""
        if self._flushing is not None:
            await self._flushing

    async def _flush(self) -> None:
        while self._waiting:
            group = [self._waiting.popleft() for _ in range(min(_TOGETHER, len(self._waiting)))]
            # Whoever stopped waiting before the start is not written for.
            group = [waiting for waiting in group if not waiting.answer.done()]
            outcomes = await self._run(group)
            for waiting, outcome in zip(group, outcomes, strict=True):
                _answer(waiting.answer, outcome)

    async def _run(self, group: Sequence[_Waiting]) -> Sequence[Any]:
        try:
            return await self._offload(self._commit, group)
        except Exception as error:  # noqa: BLE001 - the callers wait for an answer, whatever it is
            return [error] * len(group)

    def _commit(self, group: Sequence[_Waiting]) -> Sequence[Any]:
        connection = self._connection
        try:
            connection.execute("BEGIN IMMEDIATE")
            outcomes = [self._apart(waiting.write) for waiting in group]
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            return [of_sqlite(error) for _ in group]
        self._to_erase |= any(waiting.erases for waiting in group)
        if self._to_erase:
            self._empty_log()
        return outcomes

    def _apart(self, write: Callable[[sqlite3.Connection], Any]) -> Any:
        self._connection.execute("SAVEPOINT one")
        try:
            outcome = write(self._connection)
        except Exception as error:
            if not self._connection.in_transaction:  # SQLite gave up all of it: a full disk, a broken one
                raise
            self._connection.execute("ROLLBACK TO one")
            outcome = of_sqlite(error) if isinstance(error, sqlite3.Error) else error
        self._connection.execute("RELEASE one")
        return outcome

    def _empty_log(self) -> None:
        """Old pages stay in the write-ahead log until they are overwritten, so it has to be emptied."""
        try:
            busy, *_ = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except sqlite3.Error:
            # What was written is safe; emptying is tried again after the next write.
            logger.warning("catalog.log_not_emptied", exc_info=True)
            return
        self._to_erase = bool(busy)


def _answer(future: asyncio.Future[Any], outcome: Any) -> None:
    if future.done():  # the caller went away
        return
    if isinstance(outcome, BaseException):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)

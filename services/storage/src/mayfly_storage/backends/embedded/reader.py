"""The reading connection and its thread. Short reads that come while it works share the next way to it and back.

Under load that way costs more than a read: waking a thread, and then the event loop, for each.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from mayfly_runtime.errors import ServerBusyError
from mayfly_storage.backends.embedded.errors import of_sqlite, translated

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mayfly_runtime.offload import Offload

T = TypeVar("T")

_TOGETHER: Final = 64
"""Most reads that share a way: few enough to be answered within a few milliseconds."""


@dataclass(slots=True)
class _Waiting:
    read: Callable[[sqlite3.Connection], Any]
    answer: asyncio.Future[Any]


class Reader:
    """Reads what was committed before; `await reader(read)` runs `read(connection)`."""

    def __init__(self, connection: sqlite3.Connection, *, offload: Offload, limit: int) -> None:
        """Take what is open.

        Args:
            connection: Used by nobody else.
            offload: With one worker, used by nobody else.
            limit: How many short reads may wait.
        """
        self._connection = connection
        self._offload = offload
        self._limit = limit
        self._waiting: deque[_Waiting] = deque()
        self._running: asyncio.Task[None] | None = None
        self._is_busy = False

    async def __call__(self, read: Callable[[sqlite3.Connection], T]) -> T:
        """Run a read that may take some time; others wait for it, but not for each other."""
        with translated():
            return await self._offload(read, self._connection)

    async def short(self, read: Callable[[sqlite3.Connection], T]) -> T:
        """Run a read of a few rows, alone or with others. What it raises concerns none of them."""
        if not self._is_busy:
            return await self._alone(read)
        if len(self._waiting) >= self._limit:
            raise ServerBusyError("catalog reads", limit=self._limit)
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(read, answer))
        return await answer

    async def _alone(self, read: Callable[[sqlite3.Connection], T]) -> T:
        self._is_busy = True
        try:
            return await self(read)
        finally:
            # Also if the caller went away: somebody has to see to those that wait.
            self._running = asyncio.create_task(self._run_waiting()) if self._waiting else None
            self._is_busy = self._running is not None

    async def _run_waiting(self) -> None:
        while self._waiting:
            group = [self._waiting.popleft() for _ in range(min(_TOGETHER, len(self._waiting)))]
            # Nobody reads for those who stopped waiting.
            group = [waiting for waiting in group if not waiting.answer.done()]
            for waiting, outcome in zip(group, await self._outcomes(group), strict=True):
                _answer(waiting.answer, outcome)
        self._is_busy = False

    async def _outcomes(self, group: Sequence[_Waiting]) -> Sequence[Any]:
        try:
            return await self._offload(self._read_all, group)
        except Exception as error:  # noqa: BLE001 - the callers wait for an answer, whatever it is
            return [error] * len(group)

    def _read_all(self, group: Sequence[_Waiting]) -> list[Any]:
        return [self._outcome(waiting.read) for waiting in group]

    def _outcome(self, read: Callable[[sqlite3.Connection], Any]) -> Any:
        try:
            return read(self._connection)
        except sqlite3.Error as error:
            return of_sqlite(error)
        except Exception as error:  # noqa: BLE001 - it is raised where the read was asked for
            return error


def _answer(future: asyncio.Future[Any], outcome: Any) -> None:
    if future.done():  # the caller went away
        return
    if isinstance(outcome, BaseException):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)

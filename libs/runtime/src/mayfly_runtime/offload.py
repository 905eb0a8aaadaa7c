"""Blocking work beside the event loop: a bounded pool that keeps context.

One `Offload` per kind of work (one for boto3, one for inference), so that a slow dependency fills its own queue and
not everybody's. What is bounded is running plus waiting work: the caller after that is told at once that the server is
busy, which is cheaper for everybody than waiting.

Cancelling the RPC that waits does not stop a thread. Its slot is given back when the work ends and not before;
otherwise a storm of cancelled calls would start more work than there are workers.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from mayfly_runtime.refusals import ServerBusyError

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
T = TypeVar("T")


class OffloadFullError(ServerBusyError):
    """All workers are busy and the queue is full; nothing was started."""

    def __init__(self, name: str, *, limit: int) -> None:
        """Name the pool.

        Args:
            name: The pool's name.
            limit: How much work the pool holds, running and waiting.
        """
        super().__init__(f"{name} slots", limit=limit)
        self.name = name


class OffloadClosedError(RuntimeError):
    """Work was given to a pool that is shut down."""


class Offload:
    """Runs blocking functions in threads: `await offload(client.head_object, Bucket=..., Key=...)`."""

    def __init__(self, *, name: str, workers: int, queue: int) -> None:
        """Open the pool; threads start as they are needed.

        Args:
            name: For thread names, errors and metrics, for example `s3`.
            workers: How many functions run at a time.
            queue: How many more may wait for a worker.
        """
        if workers < 1 or queue < 0:
            raise ValueError(f"Offload {name!r} needs workers >= 1 and queue >= 0, got {workers} and {queue}")
        self.name = name
        self.limit = workers + queue
        self._executor = ThreadPoolExecutor(max_workers=workers, thread_name_prefix=f"offload-{name}")
        self._work: set[Future[Any]] = set()
        self._closed = False

    @property
    def in_use(self) -> int:
        """How much work is running or waiting right now."""
        return len(self._work)

    async def __call__(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `fn(*args, **kwargs)` in a thread, and wait for its end.

        Cancelling this await drops work that still waits; running work keeps its place in the set until it ends.

        Raises:
            OffloadFullError: If as much work as `limit` is running or waiting.
            OffloadClosedError: After `shutdown`.
        """
        return await self.begin(fn, *args, **kwargs)

    def begin(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> asyncio.Future[T]:
        """Have `fn(*args, **kwargs)` run in a thread, within a copy of the caller's context.

        Raises:
            OffloadFullError: If as much work as `limit` is running or waiting.
            OffloadClosedError: After `shutdown`.
        """
        if self._closed:
            raise OffloadClosedError(f"Offload {self.name!r} is shut down")
        if self.in_use >= self.limit:
            raise OffloadFullError(self.name, limit=self.limit)
        work = self._executor.submit(contextvars.copy_context().run, functools.partial(fn, *args, **kwargs))
        self._work.add(work)
        work.add_done_callback(self._work.discard)
        return asyncio.wrap_future(work)

    async def shutdown(self, *, wait: timedelta = timedelta(seconds=5)) -> bool:
        """Take no more work, drop what waits, and give what runs some time to end.

        Returns:
            Whether all work ended in time. Threads cannot be killed: what did not end goes on until it does.
        """
        self._closed = True
        self._executor.shutdown(wait=False, cancel_futures=True)
        running = [asyncio.wrap_future(work) for work in tuple(self._work)]
        for each in running:
            each.add_done_callback(_hear)
        if not running:
            return True
        _, pending = await asyncio.wait(running, timeout=wait.total_seconds())
        return not pending


def _hear(work: asyncio.Future[Any]) -> None:
    """Take note of how it ended: who asked for it was told, or went away, and asyncio would log it as unheard."""
    if not work.cancelled():
        work.exception()

"""Readiness follows the backend: checked from time to time, so that health calls cost nothing."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from mayfly_runtime.refusals import ServerBusyError
from mayfly_storage.domain.errors import BackendUnavailableError, StorageError
from mayfly_storage.domain.fallback import BUSY, NO_ANSWER

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from datetime import timedelta

    from mayfly_runtime.server import Readiness
    from mayfly_storage.domain.stores import Backend

logger = logging.getLogger("mayfly.storage.readiness")


async def check_backend(backend: Backend, *, within: timedelta) -> None:
    """Make sure that rows and bytes can be reached.

    Raises:
        BackendUnavailableError: Something does not answer, or not in time.
        BackendMisconfiguredError: Something refuses.
    """
    await _in_time(backend.catalog.check(), backend.name, within)
    for location, store in backend.stores.by_location.items():
        try:
            await _in_time(store.blobs.check(), backend.name, within)
        except BackendUnavailableError as error:
            fallback = backend.stores.fallback
            if fallback is None or location is fallback.location:
                raise
            if error.cause in (NO_ANSWER, BUSY):  # the store's own watch has not heard of it
                fallback.failed(error)


async def _in_time(check: Awaitable[None], name: str, within: timedelta) -> None:
    try:
        async with asyncio.timeout(within.total_seconds()):
            await check
    except TimeoutError:
        raise BackendUnavailableError(name, cause=NO_ANSWER) from None
    except ServerBusyError:
        raise BackendUnavailableError(name, cause=BUSY) from None


class BackendWatch:
    """Checks again and again, and says how it is."""

    def __init__(
        self, backend: Backend, readiness: Readiness, *, every: timedelta, pause: Callable[[], Awaitable[None]]
    ) -> None:
        """Describe the watch.

        Args:
            backend: What to check.
            readiness: What to set.
            every: How long a check may take: as long as the pause that `pause` makes.
            pause: Waits until the next check.
        """
        self._backend = backend
        self._readiness = readiness
        self._every = every
        self._pause = pause

    async def run(self) -> None:
        """Go on until cancelled."""
        while True:
            await self._pause()
            await self._look()

    async def _look(self) -> None:
        try:
            await check_backend(self._backend, within=self._every)
        except StorageError as error:
            self._readiness.set(ready=False, reason=str(error))
        except Exception:  # a watch that dies would leave the last state for ever
            logger.exception("backend.check_failed")
            self._readiness.set(ready=False, reason="the check of the backend failed")
        else:
            self._readiness.set(ready=True)


@asynccontextmanager
async def watching(backend: Backend, readiness: Readiness, *, every: timedelta) -> AsyncIterator[None]:
    """Watch for the length of the block."""
    watch = BackendWatch(backend, readiness, every=every, pause=lambda: asyncio.sleep(every.total_seconds()))
    task = asyncio.create_task(watch.run(), name="backend-watch")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

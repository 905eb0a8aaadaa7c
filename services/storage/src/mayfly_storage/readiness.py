"""Readiness follows the backend: checked from time to time, so that health calls cost nothing."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Final

from mayfly_storage.domain.audio import Location
from mayfly_storage.domain.errors import BackendUnavailableError, StorageError
from mayfly_storage.domain.fallback import NO_ANSWER

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from datetime import timedelta

    from mayfly_runtime.server import Readiness
    from mayfly_storage.domain.fallback import Fallback
    from mayfly_storage.domain.ports import BlobStore
    from mayfly_storage.domain.stores import Backend

_ASKS: Final = 3

logger = logging.getLogger("mayfly.storage.readiness")


async def check_backend(backend: Backend, *, within: timedelta) -> None:
    """Make sure that rows and bytes can be reached.

    Raises:
        BackendUnavailableError: Something does not answer, or not in time.
        BackendMisconfiguredError: Something refuses.
    """
    await _in_time(backend.catalog.check(), backend.name, within)
    fallback = backend.stores.fallback
    for location, store in backend.stores.by_location.items():
        if location is Location.MIRROR:
            continue  # nothing that is acknowledged waits for it
        if fallback is None or location is fallback.location:
            await _in_time(store.blobs.check(), backend.name, within)
        else:
            await _ask(store.blobs, fallback, within)


async def _ask(blobs: BlobStore, fallback: Fallback, within: timedelta) -> None:
    """Ask the store that has a fallback: when in doubt again at once, so that an outage is known before many wait."""
    for _ in range(_ASKS):
        try:
            async with asyncio.timeout(within.total_seconds()):
                return await blobs.check()
        except TimeoutError:  # all else that it fails with, the fallback has heard of
            fallback.failed(BackendUnavailableError(blobs.location.value, cause=NO_ANSWER))
        except BackendUnavailableError as error:
            logger.debug("backend.asked_in_vain", extra={"backend": error.backend, "cause": error.cause})
        if fallback.is_active:
            return None
    return None


async def _in_time(check: Awaitable[None], name: str, within: timedelta) -> None:
    try:
        async with asyncio.timeout(within.total_seconds()):
            await check
    except TimeoutError:
        raise BackendUnavailableError(name, cause=NO_ANSWER) from None


async def _nothing() -> None:
    """All else is right."""


class BackendWatch:
    """Checks again and again, and says how it is."""

    def __init__(
        self,
        backend: Backend,
        readiness: Readiness,
        *,
        every: timedelta,
        pause: Callable[[], Awaitable[None]],
        also: Callable[[], Awaitable[None]] = _nothing,
    ) -> None:
        """Describe the watch.

        Args:
            backend: What to check.
            readiness: What to set.
            every: How long a check may take: as long as the pause that `pause` makes.
            pause: Waits until the next check.
            also: What else has to be right; raises StorageError if it is not.
        """
        self._also = also
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
            await _in_time(self._also(), self._backend.name, self._every)
        except StorageError as error:
            self._readiness.set(ready=False, reason=str(error))
        except Exception:  # a watch that dies would leave the last state for ever
            logger.exception("backend.check_failed")
            self._readiness.set(ready=False, reason="the check of the backend failed")
        else:
            self._readiness.set(ready=True)


@asynccontextmanager
async def watching(
    backend: Backend, readiness: Readiness, *, every: timedelta, also: Callable[[], Awaitable[None]] = _nothing
) -> AsyncIterator[None]:
    """Watch for the length of the block."""
    pause = partial(asyncio.sleep, every.total_seconds())
    watch = BackendWatch(backend, readiness, every=every, pause=pause, also=also)
    task = asyncio.create_task(watch.run(), name="backend-watch")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

"""A second bucket beside the first one, which gets a copy of what is READY."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from mayfly_storage.backends.aws.backend import open_bucket
from mayfly_storage.backends.watched import WatchedBlobs
from mayfly_storage.domain.audio import Location
from mayfly_storage.domain.errors import BackendMisconfiguredError, BackendUnavailableError
from mayfly_storage.domain.findings import Finding
from mayfly_storage.domain.rests import Rest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime

    import boto3

    from mayfly_storage.backends.aws.options import AwsOptions
    from mayfly_storage.domain.findings import DeletionAudit
    from mayfly_storage.domain.stores import Backend

_PATIENCE: Final = 3
"""Seconds for all settings of the mirror; the start of storage waits for them."""
_REMEDY: Final = "Give the mirror's credentials the rights to read its settings: `mayfly-storage policy` names them."


@asynccontextmanager
async def with_mirror(
    opening: AbstractAsyncContextManager[Backend],
    options: AwsOptions,
    *,
    now: Callable[[], datetime],
    session: boto3.Session | None = None,
) -> AsyncIterator[Backend]:
    """A backend, and the mirror's bucket as one more of its stores.

    Args:
        opening: What opens the backend.
        options: Where the mirror's bucket is.
        now: The clock.
        session: Carries the mirror's credentials; by default boto3's own chain of them.
    """
    async with AsyncExitStack() as stack:
        backend = await stack.enter_async_context(opening)
        mirror, copies = await open_bucket(stack, options, now=now, session=session, location=Location.MIRROR)
        # Whoever deletes must not queue for a mirror that hangs: what is not deleted now is, by a later sweep.
        rested = WatchedBlobs(blobs=mirror.blobs, fallback=Rest(location=Location.MIRROR, now=now))
        by_location = {**backend.stores.by_location, Location.MIRROR: replace(mirror, blobs=rested)}
        yield replace(
            backend,
            stores=replace(backend.stores, by_location=by_location),
            audit=AuditOfBoth(backend.audit, copies),
        )


@dataclass(frozen=True, slots=True)
class AuditOfBoth:
    """A DeletionAudit: a promise that the mirror's bucket breaks is broken."""

    first: DeletionAudit | None
    mirror: DeletionAudit

    async def findings(self) -> Sequence[Finding]:
        """Those of the first bucket, then those of the mirror."""
        own = await self.first.findings() if self.first is not None else ()
        return [*own, *await self.of_mirror()]

    async def of_mirror(self) -> Sequence[Finding]:
        """Those of the mirror alone."""
        return [replace(each, check=f"{each.check} of the mirror") for each in await self._read_back()]

    async def _read_back(self) -> Sequence[Finding]:
        """SKIPPED where it does not answer: storage starts, and serves, without it."""
        try:
            async with asyncio.timeout(_PATIENCE):
                return await self.mirror.findings()
        except (TimeoutError, BackendUnavailableError):
            unknown = Finding.skipped("it does not answer")
        except BackendMisconfiguredError as error:
            unknown = Finding.failed(str(error), _REMEDY)
        return [replace(unknown, check="settings")]

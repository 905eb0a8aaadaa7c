"""The list of checks, and the examination that asks them one after the other."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mayfly_runtime.offload import Offload
from mayfly_storage.backends.embedded.doctor import database, places, trips
from mayfly_storage.backends.embedded.doctor.patient import EmbeddedPatient
from mayfly_storage.backends.embedded.folder import DataFolder
from mayfly_storage.http_exchange import HttpExchange
from mayfly_storage.usecases.examining import Check, examine

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from datetime import datetime

    from mayfly_storage.backends.embedded.options import EmbeddedOptions
    from mayfly_storage.domain.collections import Collections
    from mayfly_storage.domain.findings import Finding
    from mayfly_storage.domain.timing import Timing

CHECKS: Final[tuple[Check[EmbeddedPatient], ...]] = (
    Check(name="folder", ask=places.folder),
    Check(name="space", ask=places.space, needs=("folder",)),
    Check(name="lock", ask=places.lock, needs=("folder",)),
    Check(name="database", ask=database.database, needs=("folder",)),
    Check(name="files", ask=trips.files, needs=("folder", "database")),
    Check(name="links", ask=trips.links, needs=("folder", "database")),
)
"""In the order in which one would mend them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedExamination:
    """Examines one data folder. Storage may serve from it meanwhile."""

    options: EmbeddedOptions
    collections: Collections
    timing: Timing
    now: Callable[[], datetime]

    async def __call__(self) -> AsyncIterator[Finding]:
        """Findings as they come."""
        async with AsyncExitStack() as stack:
            pool = Offload(name="doctor", workers=2, queue=16)
            stack.push_async_callback(pool.shutdown)
            folder = DataFolder(self.options.data_dir.resolve())
            patient = EmbeddedPatient(
                options=self.options,
                folder=folder,
                collections=self.collections,
                timing=self.timing,
                now=self.now,
                offload=pool,
                http=HttpExchange(offload=pool),
                in_use=await pool(places.is_in_use, folder),
            )
            async for finding in examine(patient, CHECKS):
                yield finding

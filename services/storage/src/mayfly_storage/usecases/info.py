"""What this storage is: for callers that adapt to it, and for people."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from mayfly_storage.domain.privacy import Privacy, TextPolicy

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from mayfly_storage.domain.collections import Collection, Collections
    from mayfly_storage.domain.fallback import Outage
    from mayfly_storage.domain.stores import Backend, Stores
    from mayfly_storage.domain.timing import Timing

MAX_SINGLE_PUT_BYTES: Final = 5 * 1024**3
"""Of a store that takes no parts: the embedded backend keeps to what S3 takes in one PUT."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageInfo:
    """Backend, limits and collections."""

    backend: str
    bucket: str
    region: str
    collections: tuple[Collection, ...]
    max_single_put_bytes: int
    upload_lifetime: timedelta
    outage: Outage | None
    """Why and since when new audio goes to the fallback; None: it does not."""
    keeps_text: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class GetStorageInfo:
    """Answers from settings alone; the backend is not asked."""

    backend: Backend
    collections: Collections
    privacy: Privacy
    timing: Timing

    def __call__(self) -> StorageInfo:
        """The facts as they are now."""
        fallback, parts = self.backend.stores.fallback, self.backend.stores.first.parts
        return StorageInfo(
            backend=self.backend.name,
            bucket=self.backend.bucket,
            region=self.backend.region,
            collections=tuple(self.collections.by_id.values()),
            max_single_put_bytes=parts.single_put_bytes if parts is not None else MAX_SINGLE_PUT_BYTES,
            upload_lifetime=self.timing.upload_lifetime,
            outage=fallback.outage if fallback is not None else None,
            keeps_text=self.privacy.texts is TextPolicy.KEPT,
        )


_FRESH: Final = timedelta(minutes=1)
"""Two clocks part by less than stores tell meanwhile. To ask after each batch was half of what a sweep asked of S3."""


@dataclass(slots=True, kw_only=True)
class ReadStoreTime:
    """The clock that deletions are judged by: the store's own."""

    stores: Stores
    now: Callable[[], datetime]
    _ahead: timedelta = field(default=timedelta(0), init=False)
    _compared: datetime | None = field(default=None, init=False)

    async def __call__(self) -> datetime:
        """Its time now: as far from ours as it was when it was asked, a minute ago at most."""
        now = self.now()
        if self._compared is not None and timedelta(0) <= now - self._compared < _FRESH:
            return now + self._ahead
        return await self.ask()

    async def ask(self) -> datetime:
        """Its time now, by its own answer."""
        told = await self.stores.first.blobs.store_time()
        self._compared = self.now()
        self._ahead = told - self._compared
        return told

"""A store whose answers are watched: what the fallback goes by. While it is away, it is left alone."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mayfly_runtime.refusals import ServerBusyError
from mayfly_storage.domain.errors import BackendUnavailableError, StorageError
from mayfly_storage.domain.fallback import BUSY, NO_ANSWER

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence
    from datetime import datetime, timedelta
    from pathlib import Path

    from mayfly_storage.domain.audio import Location
    from mayfly_storage.domain.fallback import Breaker
    from mayfly_storage.domain.ports import BlobFacts, BlobPage, BlobStore, BlobTarget, DeleteOutcome, StoredBlob


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedBlobs:
    """A BlobStore over another one, which tells how each call ended.

    While its breaker says so, all but `check` raise BackendUnavailableError at once.
    """

    blobs: BlobStore
    fallback: Breaker

    @property
    def location(self) -> Location:
        """Which store this is."""
        return self.blobs.location

    @property
    def writes_once(self) -> bool:
        """Whether that store never overwrites."""
        return self.blobs.writes_once

    async def put_file(self, key: str, path: Path, facts: BlobFacts) -> StoredBlob:
        """W2, in the time that its caller can spare: it may have to go elsewhere."""
        with self._watched():
            async with self._in_time(self.fallback.patience_with(facts.size_bytes)):
                return await self.blobs.put_file(key, path, facts)

    async def head(self, key: str) -> StoredBlob | None:
        """What lies at the key, in the time that who commits can spare."""
        with self._watched():
            async with self._in_time(self.fallback.patience):
                return await self.blobs.head(key)

    async def read(self, key: str, *, etag: str | None = None, offset: int, length: int) -> bytes | None:
        """A piece of what lies at the key."""
        with self._watched():
            return await self.blobs.read(key, etag=etag, offset=offset, length=length)

    async def delete_many(self, targets: Sequence[BlobTarget]) -> list[DeleteOutcome]:
        """D2."""
        with self._watched():
            return await self.blobs.delete_many(targets)

    async def delete_until(self, end: datetime, keys: Sequence[str]) -> list[DeleteOutcome]:
        """D2 under a lease."""
        with self._watched():
            return await self.blobs.delete_until(end, keys)

    async def present(self, keys: Sequence[str]) -> set[str]:
        """D3."""
        with self._watched():
            return await self.blobs.present(keys)

    async def list_blobs(self, prefix: str, *, limit: int, cursor: str = "") -> BlobPage:
        """What lies under a prefix."""
        with self._watched():
            return await self.blobs.list_blobs(prefix, limit=limit, cursor=cursor)

    async def store_time(self) -> datetime:
        """The store's own clock."""
        with self._watched():
            return await self.blobs.store_time()

    async def check(self) -> None:
        """Whether the store can be used: asked also while it is left alone, to learn that it is back."""
        with self._heard():
            async with self._in_time(self.fallback.patience):
                await self.blobs.check()

    @asynccontextmanager
    async def _in_time(self, patience: timedelta) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(patience.total_seconds()):
                yield
        except TimeoutError:
            raise BackendUnavailableError(self.location.value, retry_after=patience, cause=NO_ANSWER) from None

    @contextmanager
    def _watched(self) -> Iterator[None]:
        if (outage := self.fallback.leaves_alone) is not None:
            raise BackendUnavailableError(self.location.value, retry_after=self.fallback.patience, cause=outage.cause)
        with self._heard():
            yield

    @contextmanager
    def _heard(self) -> Iterator[None]:
        try:
            with self._not_busy():
                yield
        except BackendUnavailableError as error:
            self.fallback.failed(error)
            raise
        except StorageError:
            self.fallback.answered()
            raise
        self.fallback.answered()

    @contextmanager
    def _not_busy(self) -> Iterator[None]:
        """As many calls as may wait for the store do: it is so slow that it is as good as away."""
        try:
            yield
        except ServerBusyError as error:
            raise BackendUnavailableError(self.location.value, retry_after=error.retry_after, cause=BUSY) from error

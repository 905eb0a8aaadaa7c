"""The blob store in memory."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mayfly_storage.domain.audio import Location
from mayfly_storage.domain.errors import ContentMismatchError, PageTokenInvalidError, StorageFullError
from mayfly_storage.domain.ports import BlobPage, BlobTarget, DeleteOutcome, StoredBlob

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from pathlib import Path

    from mayfly_storage.domain.ports import BlobFacts

_CURSOR = "memory:"


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryObject:
    """What lies at a key."""

    blob: StoredBlob
    content_type: str
    body: bytes


class MemoryBlobs:
    """A BlobStore. Tests may read, and break, what it holds."""

    def __init__(self, *, now: Callable[[], datetime], location: Location = Location.LOCAL) -> None:
        """Start empty; `now` is the store's own clock."""
        self.objects: dict[str, MemoryObject] = {}
        self.room: int | None = None
        """How many bytes fit in all; None: any number."""
        self.stuck: set[str] = set()
        """Keys whose deletion fails."""
        self.overwrites = False
        self.failure: Exception | None = None
        """Raised by every method while it is set."""
        self._now = now
        self._location = location

    @property
    def location(self) -> Location:
        """Which store this is."""
        return self._location

    @property
    def writes_once(self) -> bool:
        """Unless a test says so; then it is the tests that overwrite."""
        return not self.overwrites

    async def put_file(self, key: str, path: Path, facts: BlobFacts) -> StoredBlob:
        """W2 from a file."""
        body = await asyncio.to_thread(path.read_bytes)
        await self._turn()
        return self.put(key, body, facts)

    def put(self, key: str, body: bytes, facts: BlobFacts) -> StoredBlob:
        """W2, once the bytes are here; also what a PUT through a grant does."""
        actual = StoredBlob(
            key=key,
            size_bytes=len(body),
            etag=hashlib.md5(body, usedforsecurity=False).hexdigest(),  # equal bytes have equal ETags, as in S3
            modified_time=self._now(),
            sha256=hashlib.sha256(body).digest(),
            attempt=facts.attempt,
        )
        _check(actual, facts)
        if (taken := self.objects.get(key)) is not None:
            return _own(taken.blob, facts)
        if self.room is not None and len(body) + sum(len(item.body) for item in self.objects.values()) > self.room:
            raise StorageFullError
        self.objects[key] = MemoryObject(blob=actual, content_type=facts.content_type, body=body)
        return actual

    async def head(self, key: str) -> StoredBlob | None:
        """What lies at the key."""
        await self._turn()
        found = self.objects.get(key)
        return found.blob if found else None

    async def read(self, key: str, *, etag: str | None = None, offset: int, length: int) -> bytes | None:
        """A piece of what lies at the key."""
        await self._turn()
        found = self.objects.get(key)
        if found is None or etag not in {None, found.blob.etag}:
            return None
        return found.body[offset : offset + length]

    async def delete_many(self, targets: Sequence[BlobTarget]) -> list[DeleteOutcome]:
        """D2."""
        await self._turn()
        return [self._delete(target) for target in targets]

    def _delete(self, target: BlobTarget) -> DeleteOutcome:
        found = self.objects.get(target.key)
        if found is None:
            return DeleteOutcome.DELETED
        if target.etag not in {None, found.blob.etag}:
            return DeleteOutcome.CHANGED
        if target.key in self.stuck:
            return DeleteOutcome.FAILED
        del self.objects[target.key]
        return DeleteOutcome.DELETED

    async def delete_until(self, end: datetime, keys: Sequence[str]) -> list[DeleteOutcome]:
        """D2 under a lease."""
        await self._turn()
        if self._now() >= end:
            return [DeleteOutcome.FAILED for _ in keys]
        return [self._delete(BlobTarget(key=key)) for key in keys]

    async def present(self, keys: Sequence[str]) -> set[str]:
        """D3."""
        await self._turn()
        return {key for key in keys if key in self.objects}

    async def list_blobs(self, prefix: str, *, limit: int, cursor: str = "") -> BlobPage:
        """What lies under a prefix, in the order of the keys' bytes."""
        await self._turn()
        if cursor and not cursor.startswith(_CURSOR):
            raise PageTokenInvalidError
        after = cursor.removeprefix(_CURSOR).encode()
        keys = sorted((key.encode(), key) for key in self.objects if key.startswith(prefix) and key.encode() > after)
        page = [key for _, key in keys[:limit]]
        return BlobPage(
            blobs=tuple(_as_listed(self.objects[key].blob) for key in page),
            cursor=_CURSOR + page[-1] if len(keys) > limit else "",
            store_time=self._now(),
        )

    async def store_time(self) -> datetime:
        """The store's own clock."""
        await self._turn()
        return self._now()

    async def check(self) -> None:
        """Whether `failure` is unset."""
        await self._turn()

    async def _turn(self) -> None:
        await asyncio.sleep(0)
        if self.failure is not None:
            raise self.failure


def _check(actual: StoredBlob, facts: BlobFacts) -> None:
    if actual.size_bytes != facts.size_bytes:
        raise ContentMismatchError("size_bytes", expected=facts.size_bytes, actual=actual.size_bytes)
    if actual.sha256 is not None and actual.sha256 != facts.sha256:
        raise ContentMismatchError("sha256", expected=facts.sha256.hex(), actual=actual.sha256.hex())


def _own(there: StoredBlob, facts: BlobFacts) -> StoredBlob:
    if (there.attempt, there.sha256) != (facts.attempt, facts.sha256):
        raise ContentMismatchError("attempt", expected=facts.attempt, actual=there.attempt)
    return there


def _as_listed(blob: StoredBlob) -> StoredBlob:
    """A listing knows neither checksum nor attempt, and so no test may rely on them."""
    return StoredBlob(key=blob.key, size_bytes=blob.size_bytes, etag=blob.etag, modified_time=blob.modified_time)

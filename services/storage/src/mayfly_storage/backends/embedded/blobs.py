"""The bytes in files: staged, made durable, and named only then. A name is given once: that is write-once."""

from __future__ import annotations

import asyncio
import itertools
import os
import stat
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from mayfly_storage.backends.embedded import cursors, files
from mayfly_storage.backends.embedded.deleting import Deletion
from mayfly_storage.backends.embedded.errors import translated
from mayfly_storage.backends.embedded.tree import walk
from mayfly_storage.domain.audio import Location
from mayfly_storage.domain.ports import BlobPage, BlobTarget

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from pathlib import Path

    from mayfly_runtime.offload import Offload
    from mayfly_storage.backends.embedded.keys_on_disk import KeyPaths
    from mayfly_storage.backends.embedded.publishing import Publisher
    from mayfly_storage.domain.ports import BlobFacts, DeleteOutcome, StoredBlob

P = ParamSpec("P")
T = TypeVar("T")

_LISTING = "objects"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileBlobs:
    """A BlobStore below one folder. It keeps no attempts: the checksum decides whose bytes they are."""

    paths: KeyPaths
    publisher: Publisher
    offload: Offload
    now: Callable[[], datetime]

    @property
    def location(self) -> Location:
        """Which store this is."""
        return Location.LOCAL

    @property
    def writes_once(self) -> bool:
        """A name is given once."""
        return True

    async def put_file(self, key: str, path: Path, facts: BlobFacts) -> StoredBlob:
        """W2. A file on the same file system is moved, and others are copied.

        Raises:
            ContentMismatchError: Also if the file is not what the facts say (`size_bytes`, `sha256`).
            InvalidAudioError: If the key cannot be a path here.
        """
        return await self._do(self.publisher.put, key, path, facts)

    async def head(self, key: str) -> StoredBlob | None:
        """What lies at the key. Reads all of it for its checksum."""
        return await self._do(self._head, key)

    def _head(self, key: str) -> StoredBlob | None:
        self._require_root()
        path = self.paths.find(key)
        if path is None:
            return None
        with files.opened_object(path) as handle:
            if handle is None:
                return None
            return files.stored_blob(key, os.fstat(handle), sha256=files.sha256_of(handle))

    async def read(self, key: str, *, etag: str | None = None, offset: int, length: int) -> bytes | None:
        """A piece of what lies at the key."""
        return await self._do(self._read, key, etag=etag, offset=offset, length=length)

    def _read(self, key: str, *, etag: str | None, offset: int, length: int) -> bytes | None:
        self._require_root()
        path = self.paths.find(key)
        if path is None:
            return None
        with files.opened_object(path) as handle:
            if handle is None or etag not in {None, files.etag_of(os.fstat(handle))}:
                return None
            return os.pread(handle, length, offset)

    async def delete_many(self, targets: Sequence[BlobTarget]) -> list[DeleteOutcome]:
        """D2."""
        return await self._do(self._delete_many, targets)

    def _delete_many(
        self, targets: Sequence[BlobTarget], *, in_time: Callable[[], bool] = lambda: True
    ) -> list[DeleteOutcome]:
        self._require_root()
        return Deletion(paths=self.paths, names=self.publisher.names, in_time=in_time).run(targets)

    async def delete_until(self, end: datetime, keys: Sequence[str]) -> list[DeleteOutcome]:
        """D2 under a lease. The clock is asked while no name can be made: what lies there then is the leaseholder's."""
        targets = [BlobTarget(key=key) for key in keys]
        return await self._do(self._delete_many, targets, in_time=lambda: self.now() < end)

    async def present(self, keys: Sequence[str]) -> set[str]:
        """D3."""
        return await self._do(self._present, keys)

    def _present(self, keys: Sequence[str]) -> set[str]:
        self._require_root()
        paths = {key: self.paths.find(key) for key in keys}
        return {key for key, path in paths.items() if path is not None and _is_file(path)}

    async def list_blobs(self, prefix: str, *, limit: int, cursor: str = "") -> BlobPage:
        """What lies under a prefix, in key order."""
        after = str(cursors.decode(_LISTING, cursor, (str,))[0]) if cursor else ""
        return await self._do(self._list, prefix, limit, after)

    def _list(self, prefix: str, limit: int, after: str) -> BlobPage:
        self._require_root()
        store_time = self.now()
        found = walk(self.paths.root, prefix=prefix, after=after, most=limit + 1)
        blobs = [files.stored_blob(key, there) for key, there in itertools.islice(found, limit + 1)]
        cursor = cursors.encode(_LISTING, blobs[limit - 1].key) if len(blobs) > limit else ""
        return BlobPage(blobs=tuple(blobs[:limit]), cursor=cursor, store_time=store_time)

    async def store_time(self) -> datetime:
        """The clock by which files are dated."""
        return self.now()

    async def check(self) -> None:
        """Whether the folder is there and can be written. A full disk is no reason not to serve."""
        await self._do(self.publisher.check)

    async def require_room(self, size_bytes: int) -> None:
        """Raise StorageFullError unless so many bytes may still be stored."""
        await self._do(self.publisher.require_room, size_bytes)

    async def open(self, key: str) -> OpenBlob | None:
        """Open what lies at the key for reading, even if it is deleted meanwhile; the caller closes it."""
        path = self.paths.find(key)
        if path is None:
            return None
        opening = asyncio.ensure_future(self._do(files.open_object, path))
        try:
            handle = await asyncio.shield(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(_close_late)
            raise
        return None if handle is None else OpenBlob(handle=handle, offload=self.offload)

    def _require_root(self) -> None:
        # An unmounted disk must not look like an empty store: the sweeper would believe it.
        self.paths.root.stat()

    async def _do(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        with translated():
            return await self.offload(fn, *args, **kwargs)


@dataclass(frozen=True, slots=True)
class OpenBlob:
    """A file that is being read."""

    handle: int
    offload: Offload
    size_bytes: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "size_bytes", os.fstat(self.handle).st_size)

    async def read(self, offset: int, length: int) -> bytes:
        """Up to `length` bytes; none at the end."""
        with translated():
            return await self.offload(os.pread, self.handle, length, offset)

    def close(self) -> None:
        """Give the file back."""
        os.close(self.handle)


def _close_late(opening: asyncio.Future[int | None]) -> None:
    if not opening.cancelled() and opening.exception() is None and (handle := opening.result()) is not None:
        os.close(handle)


def _is_file(path: Path) -> bool:
    """Raises where the answer is not known, unlike Path.is_file."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False

"""The spool: a folder for bytes on their way to a store, in private files that go when their upload ends."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import logging
import os
import secrets
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from mayfly_storage.domain.errors import StorageFullError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from mayfly_runtime.offload import Offload

_PREFIX: Final = "upload-"
_WRITE_BYTES: Final = 1024 * 1024
"""Chunks are collected to this size before a thread writes them: a thread per chunk would cost more than the write."""
_APPEND: Final = os.O_WRONLY | os.O_CREAT | os.O_APPEND
_FULL: Final = {errno.ENOSPC, errno.EDQUOT}

logger = logging.getLogger("mayfly.storage.spool")


class Spool:
    """The folder. Put it on the file system of the store, so that a file can be moved there without a copy."""

    def __init__(self, folder: Path, offload: Offload) -> None:
        """Take a folder (see `open`) and the pool that blocks for it."""
        self._folder = folder
        self._offload = offload

    @classmethod
    async def open(cls, folder: Path, offload: Offload) -> Spool:
        """Make the folder, and remove what a crash left in it.

        Raises:
            OSError: The folder cannot be made or written.
        """
        left = await offload(_prepare, folder)
        if left:
            logger.warning("spool.cleaned", extra={"files": left})
        return cls(folder, offload)

    @asynccontextmanager
    async def open_file(self) -> AsyncIterator[SpoolFile]:
        """A new, empty file; it is gone at the end, unless a store has taken it."""
        file = SpoolFile(self._folder / f"{_PREFIX}{secrets.token_hex(16)}", self._offload)
        try:
            yield file
        finally:
            await file.discard()


class SpoolFile:
    """A file that is written once, hashing."""

    def __init__(self, path: Path, offload: Offload) -> None:
        """See `Spool.open_file`."""
        self.path = path
        self.size_bytes = 0
        self._offload = offload
        self._hash = hashlib.sha256()
        self._collected = bytearray()
        self._working: asyncio.Future[None] | None = None

    async def write(self, chunk: bytes) -> None:
        """Add bytes.

        Raises:
            StorageFullError: There is no room for them.
        """
        self.size_bytes += len(chunk)
        self._collected += chunk
        if len(self._collected) >= _WRITE_BYTES:
            await self._flush()

    async def finish(self) -> bytes:
        """Write what was collected; the SHA-256 of everything. Raises StorageFullError."""
        await self._flush()
        return self._hash.digest()

    async def discard(self) -> None:
        """Remove the file. A thread that still writes cannot be stopped, and is waited for: it is a local write.

        gRPC may cancel a call that is cancelled once more; then nobody waits, and the file goes when the thread ends.
        """
        if self._working is not None and not self._working.done():
            self._working.add_done_callback(self._written)
            await asyncio.wait([self._working])
        _remove(self.path)

    def _written(self, work: asyncio.Future[None]) -> None:
        if not work.cancelled():
            work.exception()  # its caller has gone
        _remove(self.path)

    async def _flush(self) -> None:
        data, self._collected = bytes(self._collected), bytearray()
        self._working = self._offload.begin(self._append, data)
        try:
            await asyncio.shield(self._working)
        except OSError as error:
            if error.errno in _FULL:
                raise StorageFullError from error
            raise

    def _append(self, data: bytes) -> None:
        # Opened anew for each piece, so that no file descriptor is left to a cancelled call.
        with os.fdopen(os.open(self.path, _APPEND, 0o600), "ab") as file:
            file.write(data)
        self._hash.update(data)


def _prepare(folder: Path) -> int:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    left = list(folder.glob(f"{_PREFIX}*"))
    for path in left:
        _remove(path)
    return len(left)


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)

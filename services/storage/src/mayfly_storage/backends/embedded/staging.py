"""Files in which bytes from outside are collected. They are gone afterwards, unless they were moved on."""

from __future__ import annotations

import asyncio
import os
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mayfly_storage.backends.embedded import files
from mayfly_storage.backends.embedded.errors import translated

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from mayfly_runtime.offload import Offload


@dataclass(frozen=True, slots=True)
class StagedFile:
    """A file that grows."""

    path: Path
    offload: Offload

    async def append(self, chunk: bytes) -> None:
        """Add bytes at the end. Raises StorageFullError."""
        with translated():
            await self.offload(_append, self.path, chunk)


@dataclass(frozen=True, slots=True)
class Staging:
    """A folder on the file system of the store."""

    folder: Path
    offload: Offload

    @asynccontextmanager
    async def file(self) -> AsyncIterator[StagedFile]:
        """An empty file."""
        path = files.new_name(self.folder)
        try:
            with translated():
                await self.offload(_create, path)
            yield StagedFile(path, self.offload)
        finally:
            await asyncio.shield(self.offload(path.unlink, missing_ok=True))


def _create(path: Path) -> None:
    with files.opened(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL):
        pass


def _append(path: Path, chunk: bytes) -> None:
    # Opened anew each time, and never made: a write that outlives its request cannot hit a descriptor that has become
    # another file's, nor bring a removed file back.
    with files.opened(path, os.O_WRONLY | os.O_APPEND) as handle:
        files.write_all(handle, chunk)

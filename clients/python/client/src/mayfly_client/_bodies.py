"""Where the bytes of an upload come from: memory, or a file that is read piece by piece."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from mayfly_client._links import TRANSFER_CHUNK_BYTES

Progress = Callable[[int, int], None]
"""Called with the bytes that are done and all bytes, now and then; never twice at a time.

From the thread of the call; the synchronous client puts parts of a large file from threads of their own.
"""


@dataclass(frozen=True, slots=True)
class Measured:
    """What storage wants to know before the bytes come."""

    size_bytes: int
    sha256: bytes


def measure(source: bytes | Path) -> Measured:
    """Read the source once. Blocks."""
    digest, size = hashlib.sha256(), 0
    for chunk in chunks(source):
        digest.update(chunk)
        size += len(chunk)
    return Measured(size, digest.digest())


def chunks(source: bytes | Path, offset: int = 0, size: int | None = None) -> Generator[bytes, None, None]:
    """The bytes from `offset` on, `size` of them or all, a chunk at a time. Blocks."""
    if isinstance(source, Path):
        yield from _file_chunks(source, offset, size)
    elif isinstance(source, bytes):
        end = len(source) if size is None else offset + size
        for start in range(offset, end, TRANSFER_CHUNK_BYTES):
            yield source[start : min(start + TRANSFER_CHUNK_BYTES, end)]
    else:
        raise TypeError(f"the source must be bytes or a pathlib.Path, not {type(source).__name__}")


def _file_chunks(path: Path, offset: int, size: int | None) -> Iterator[bytes]:
    left = size
    with path.open("rb") as file:
        file.seek(offset)
        while chunk := file.read(TRANSFER_CHUNK_BYTES if left is None else min(TRANSFER_CHUNK_BYTES, left)):
            yield chunk
            if left is not None:
                left -= len(chunk)


async def chunks_off_loop(source: bytes | Path, offset: int = 0, size: int | None = None) -> AsyncIterator[bytes]:
    """The same without blocking the event loop: each read happens in a thread."""
    reader = chunks(source, offset, size)
    try:
        while (chunk := await asyncio.to_thread(next, reader, None)) is not None:
            yield chunk
    finally:
        # A cancelled wait leaves its thread reading; then the generator closes its file when that ends.
        with suppress(ValueError):
            reader.close()


@dataclass(slots=True)
class Tally:
    """How much of a body is sent, however many parts of it are under way."""

    total: int
    progress: Progress | None
    _sent: dict[int, int] = field(default_factory=dict)
    """By the offset of the part."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def watch(self, pieces: Iterator[bytes], offset: int) -> Iterator[bytes]:
        """The pieces of the part at an offset. One that is sent again counts anew."""
        self._begin(offset)
        for piece in pieces:
            yield piece
            self._add(offset, len(piece))

    async def watch_async(self, pieces: AsyncIterator[bytes], offset: int) -> AsyncIterator[bytes]:
        """The asynchronous twin of `watch`."""
        self._begin(offset)
        async for piece in pieces:
            yield piece
            self._add(offset, len(piece))

    def _begin(self, offset: int) -> None:
        with self._lock:
            self._sent[offset] = 0

    def _add(self, offset: int, size: int) -> None:
        with self._lock:
            self._sent[offset] += size
            if self.progress is not None:
                self.progress(sum(self._sent.values()), self.total)

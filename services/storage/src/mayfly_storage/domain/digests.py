"""SHA-256 of what lies in a store, by its bytes: for stores that keep no checksum, or whose word is not enough."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mayfly_storage.domain.ports import BlobStore, StoredBlob

_PIECE: Final = 4 * 1024**2
"""Bytes in memory at a time. Each piece is a request of its own, whose first byte takes longer than a megabyte does."""
_STRETCH: Final = 1024**2
"""Bytes hashed in a row: a millisecond or two, which other calls wait for."""


async def with_digest(blobs: BlobStore, blob: StoredBlob) -> StoredBlob | None:
    """The same, with its SHA-256: read piece by piece if need be. None if it was exchanged or deleted meanwhile."""
    if blob.sha256 is not None:
        return blob
    digest, offset = hashlib.sha256(), 0
    while offset < blob.size_bytes:
        piece = await blobs.read(blob.key, etag=blob.etag, offset=offset, length=_PIECE)
        if not piece:
            return None
        for start in range(0, len(piece), _STRETCH):
            digest.update(memoryview(piece)[start : start + _STRETCH])
            await asyncio.sleep(0)
        offset += len(piece)
    return replace(blob, sha256=digest.digest())

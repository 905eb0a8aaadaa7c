"""SHA-256 of what lies in a store, by its bytes: for stores that keep no checksum, or whose word is not enough."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mayfly_storage.domain.ports import BlobStore, StoredBlob

_PIECE: Final = 1024 * 1024
"""Bytes in memory at a time, and hashed in a row: a few milliseconds, which other calls wait for."""


async def with_digest(blobs: BlobStore, blob: StoredBlob) -> StoredBlob | None:
    """The same, with its SHA-256: read piece by piece if need be. None if it was exchanged or deleted meanwhile."""
    if blob.sha256 is not None:
        return blob
    digest, offset = hashlib.sha256(), 0
    while offset < blob.size_bytes:
        piece = await blobs.read(blob.key, etag=blob.etag, offset=offset, length=_PIECE)
        if not piece:
            return None
        digest.update(piece)
        offset += len(piece)
    return replace(blob, sha256=digest.digest())

"""Whether what lies at a key is what was announced: the store's own word, or the bytes themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mayfly_storage.domain.digests import with_digest
from mayfly_storage.domain.errors import ContentMismatchError

if TYPE_CHECKING:
    from mayfly_storage.domain.audio import Audio
    from mayfly_storage.domain.ports import BlobStore, StoredBlob
    from mayfly_storage.domain.tickets import Ticket


async def look(blobs: BlobStore, announced: Audio | Ticket) -> StoredBlob | None:
    """What lies at the key, with a checksum: read back if the store keeps none, and the size allows of it."""
    blob = await blobs.head(announced.object_key)
    if blob is None or blob.size_bytes != announced.size_bytes:
        return blob
    return await with_digest(blobs, blob)


def require_announced(audio: Audio, blob: StoredBlob) -> None:
    """Raise ContentMismatchError unless what lies at the key was announced."""
    if (found := difference(audio, blob)) is not None:
        raise found


def difference(announced: Audio | Ticket, blob: StoredBlob) -> ContentMismatchError | None:
    """What is wrong with what lies there."""
    if blob.size_bytes != announced.size_bytes:
        return ContentMismatchError("size_bytes", expected=announced.size_bytes, actual=blob.size_bytes)
    if blob.sha256 is not None and blob.sha256 != announced.sha256:
        return ContentMismatchError("sha256", expected=announced.sha256.hex(), actual=blob.sha256.hex())
    if blob.attempt is not None and blob.attempt != announced.attempt:
        return ContentMismatchError("attempt", expected=announced.attempt, actual=blob.attempt)
    return None

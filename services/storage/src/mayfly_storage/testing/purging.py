"""What a sweeper names, of rows and of objects without one, and what storage makes of it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from mayfly_storage.domain.audio import Location
from mayfly_storage.domain.ports import BlobFacts
from mayfly_storage.domain.retention import DueItem, DueReason
from mayfly_storage.testing.builders import SOUND

if TYPE_CHECKING:
    from mayfly_storage.domain.audio import Audio
    from mayfly_storage.domain.retention import PurgeResult
    from mayfly_storage.testing.blobs import MemoryBlobs
    from mayfly_storage.testing.stage import Stage


def item_of(stage: Stage, audio: Audio, *, reason: DueReason | None = None) -> DueItem:
    """An audio as a listing would tell of it: by its row, or as it was where it has none any more."""
    return DueItem.of_row(stage.row(audio) or audio, stage.timing, reason=reason)


def orphan(blobs: MemoryBlobs, key: str, *, location: Location = Location.LOCAL) -> DueItem:
    """An object that came from nowhere, as a listing would tell of it."""
    facts = BlobFacts(
        content_type="audio/wav", size_bytes=len(SOUND), sha256=hashlib.sha256(SOUND).digest(), attempt="x"
    )
    if key not in blobs.objects:
        blobs.put(key, SOUND, facts)
    return DueItem(
        name=None,
        location=location,
        object_key=key,
        reason=DueReason.ORPHAN_OBJECT,
        etag=blobs.objects[key].blob.etag,
        size_bytes=len(SOUND),
    )


async def purge(stage: Stage, *items: DueItem, validate_only: bool = False) -> list[PurgeResult]:
    """The outcome of each item, in their order."""
    return await stage.retention.purge_audio(items, validate_only=validate_only)

"""W2 by storage itself: into the store that the row expects, or into the fallback while that one does not answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mayfly_storage.domain.errors import BackendUnavailableError
from mayfly_storage.domain.ports import BlobFacts, StoredBlob

if TYPE_CHECKING:
    from pathlib import Path

    from mayfly_storage.domain.audio import Audio, Location
    from mayfly_storage.domain.parts import PartStore
    from mayfly_storage.domain.stores import Store, Stores
    from mayfly_storage.usecases.parts import PutParts


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceBytes:
    """Puts a file, once. W3 has to say where it is."""

    stores: Stores
    put_parts: PutParts

    async def __call__(self, audio: Audio, path: Path) -> tuple[Location, StoredBlob]:
        """The store that took the bytes, and its answer. Raises what BlobStore.put_file raises."""
        fallback = self.stores.fallback
        if fallback is None or audio.location is fallback.location:
            return await self._put(audio.location, audio, path)
        cause = fallback.outage.cause if fallback.outage is not None else ""
        if not cause:
            try:
                return await self._put(audio.location, audio, path)
            except BackendUnavailableError as error:
                cause = error.cause or error.backend
        # A PUT that was not answered may land later all the same: a copy that no row names, which a sweep deletes.
        placed = await self._put(fallback.location, audio, path)
        fallback.took(cause)
        return placed

    async def _put(self, location: Location, audio: Audio, path: Path) -> tuple[Location, StoredBlob]:
        store = self.stores.by_location[location]
        parts = store.parts_for(audio.size_bytes)
        if parts is not None:
            return location, await self._put_in_parts(store, parts, audio, path)
        facts = BlobFacts(
            content_type=audio.content_type,
            size_bytes=audio.size_bytes,
            sha256=audio.sha256,
            attempt=audio.attempt,
            expire_time=audio.expire_time,
        )
        return location, await store.blobs.put_file(audio.object_key, path, facts)

    async def _put_in_parts(self, store: Store, parts: PartStore, audio: Audio, path: Path) -> StoredBlob:
        try:
            return await self.put_parts(store, parts, audio, path)
        except BackendUnavailableError as error:  # nobody else hears of it: only calls for whole objects are watched
            if self.stores.fallback is not None:
                self.stores.fallback.failed(error)
            raise

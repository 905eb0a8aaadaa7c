"""The mirror: a second bucket that gets a copy of what is READY, for a migration. Rows never say that audio lies there.

Nothing that is acknowledged waits for the mirror. A copy is made after W3, and what was missed is made up for by
comparing. Deletions do wait: D2 and D3 look in every store, so that no copy outlives its row.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Protocol

from mayfly_storage.domain.audio import Audio, Location, State
from mayfly_storage.domain.digests import with_digest
from mayfly_storage.domain.errors import AudioDamagedError, AudioNotFoundError, CopyDamagedError
from mayfly_storage.domain.ports import AudioFilter, BlobFacts, BlobTarget
from mayfly_storage.usecases.ownership import find_owners

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime
    from pathlib import Path

    from mayfly_storage.domain.collections import Collections
    from mayfly_storage.domain.ports import AudioCatalog, BlobStore, StoredBlob
    from mayfly_storage.domain.stores import Stores

_PAGE: Final = 500
_PIECE: Final = 1024 * 1024

logger = logging.getLogger("mayfly.storage.mirror")


class Copied(StrEnum):
    """What became of one copy."""

    COPIED = "copied"
    SAME = "same"
    """It lay there already."""
    GONE = "gone"
    """The audio has ended, or was deleted; no copy of it is left."""


class Differs(StrEnum):
    """How the mirror differs from the rows."""

    MISSING = "missing"
    """A readable audio has no copy."""
    OTHER = "other"
    """Other bytes lie at its key, or another upload's."""
    EXTRA = "extra"
    """Something lies there that belongs to nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One of them."""

    kind: Differs
    object_key: str
    audio: Audio | None = None
    etag: str = ""
    detail: str = ""


class Scratch(Protocol):
    """A private file for bytes on their way."""

    path: Path

    async def write(self, chunk: bytes) -> None:
        """Add bytes."""

    async def finish(self) -> bytes:
        """Write what was collected; the SHA-256 of everything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirror:
    """Which audio is mirrored, and how a copy is made and compared."""

    catalog: AudioCatalog
    stores: Stores
    collections: Collections
    mirrored: Collection[str]
    """Ids of collections; empty: all."""
    scratch: Callable[[], AbstractAsyncContextManager[Scratch]]
    now: Callable[[], datetime]

    @property
    def blobs(self) -> BlobStore:
        """The mirror's."""
        return self.stores.by_location[Location.MIRROR].blobs

    def wants(self, audio: Audio) -> bool:
        """Whether an audio is to have a copy."""
        return (not self.mirrored or audio.collection in self.mirrored) and audio.is_readable(self.now())

    async def copy(self, audio: Audio) -> Copied:
        """Make and verify the copy of a READY audio; whatever else lies at its key in the mirror goes.

        Raises:
            AudioDamagedError: The bytes are not those that were stored; they are not spread.
            CopyDamagedError: The mirror took other bytes than it was sent.
            BackendUnavailableError: One of the stores does not answer.
        """
        there = await self.blobs.head(audio.object_key)
        # The row is read after: a key that callers choose may have another owner by now, whose copy has to stay.
        if not await self._lives(audio):
            return await self._take_back(audio, there)
        if there is not None:
            if not await self._other(audio, there, thorough=True):
                return Copied.SAME
            await self.blobs.delete_many([BlobTarget(key=there.key, etag=there.etag)])
        try:
            await self._put(audio)
        except AudioNotFoundError:
            return Copied.GONE
        there = await self.blobs.head(audio.object_key)
        # Its D2 may have looked here before there was anything.
        if not await self._lives(audio):
            return await self._take_back(audio, there)
        await self._require_same(audio, there)
        return Copied.COPIED

    async def _lives(self, audio: Audio) -> bool:
        row = (await self.catalog.get_many([audio.name])).get(audio.name)
        return row is not None and row.state is State.READY

    async def _take_back(self, audio: Audio, there: StoredBlob | None) -> Copied:
        """Delete what was seen, if it is a copy of an audio that has ended, and not of the next one at its key."""
        if there is not None and there.attempt in {None, audio.attempt}:
            await self.blobs.delete_many([BlobTarget(key=there.key, etag=there.etag)])
        return Copied.GONE

    async def _put(self, audio: Audio) -> None:
        async with self.scratch() as file:
            await self._fetch(audio, file)
            await self.blobs.put_file(audio.object_key, file.path, _facts(audio))

    async def _require_same(self, audio: Audio, there: StoredBlob | None) -> None:
        """Believe in a copy only when its store has told what it is; not all stores compare what they are sent."""
        wrong = await self._other(audio, there, thorough=True) if there is not None else "nothing lies there"
        if wrong:
            raise CopyDamagedError(audio.name, wrong)

    async def _fetch(self, audio: Audio, file: Scratch) -> None:
        source = self.stores.of(audio).blobs
        for offset in range(0, audio.size_bytes, _PIECE):
            piece = await source.read(audio.object_key, offset=offset, length=min(_PIECE, audio.size_bytes - offset))
            if not piece:
                raise AudioNotFoundError(audio.name)
            await file.write(piece)
        if await file.finish() != audio.sha256:
            raise AudioDamagedError(audio.name)

    async def _other(self, audio: Audio, there: StoredBlob, *, thorough: bool) -> str:
        """How a copy differs from its audio; empty: it does not."""
        if there.size_bytes != audio.size_bytes:
            return f"{there.size_bytes} bytes instead of {audio.size_bytes}"
        if there.attempt is not None and there.attempt != audio.attempt:
            return "it is another upload's"
        known = await with_digest(self.blobs, there) if thorough else there
        if known is None or (known.sha256 is not None and known.sha256 != audio.sha256):
            return "its SHA-256 is another one"
        return ""

    async def differences(self, *, thorough: bool = False) -> AsyncIterator[Difference | None]:
        """Every difference; None for each audio and each object that is as it should be, to count progress by.

        Reads every row of the mirrored collections, asks the mirror for each, and lists the mirror. What is stored or
        deleted meanwhile may be told; copying decides anew.

        Args:
            thorough: Read all bytes of the mirror, where it keeps no checksum.
        """
        async for audio in self._rows():
            there = await self.blobs.head(audio.object_key)
            if there is None:
                yield Difference(kind=Differs.MISSING, object_key=audio.object_key, audio=audio)
            elif detail := await self._other(audio, there, thorough=thorough):
                yield Difference(kind=Differs.OTHER, object_key=audio.object_key, audio=audio, detail=detail)
            else:
                yield None
        async for extra in self._extras():
            yield extra

    async def _rows(self) -> AsyncIterator[Audio]:
        for collection in self.mirrored or self.collections.by_id:
            wanted, cursor = AudioFilter(collection=collection, ready=True), ""
            while True:
                page = await self.catalog.list_audio(wanted, limit=_PAGE, cursor=cursor)
                for audio in page.items:
                    if self.wants(audio):
                        yield audio
                if not (cursor := page.cursor):
                    break

    async def _extras(self) -> AsyncIterator[Difference | None]:
        for prefix in self.collections.prefixes:
            cursor = ""
            while True:
                page = await self.blobs.list_blobs(prefix, limit=_PAGE, cursor=cursor)
                owners = await find_owners(self.catalog, self.collections, [blob.key for blob in page.blobs])
                for blob in page.blobs:
                    lost = blob.key in owners and owners[blob.key] is None
                    yield Difference(kind=Differs.EXTRA, object_key=blob.key, etag=blob.etag) if lost else None
                if not (cursor := page.cursor):
                    break


def _facts(audio: Audio) -> BlobFacts:
    return BlobFacts(
        content_type=audio.content_type,
        size_bytes=audio.size_bytes,
        sha256=audio.sha256,
        attempt=audio.attempt,
        expire_time=audio.expire_time,
    )

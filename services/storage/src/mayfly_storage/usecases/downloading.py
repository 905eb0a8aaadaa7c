"""The bytes of an audio through storage itself, for callers that cannot follow a link."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mayfly_storage.domain.errors import AudioDamagedError, AudioNotFoundError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from datetime import datetime

    from mayfly_storage.domain.audio import Audio
    from mayfly_storage.domain.ports import BlobStore
    from mayfly_storage.domain.stores import Stores
    from mayfly_storage.usecases.access import GetAudio

CHUNK_BYTES: Final = 65_536
"""The most that a chunk may have, by the contract."""
PIECE_BYTES: Final = 16 * CHUNK_BYTES
"""What is asked of the store at a time: most speech is one request, and a download never holds more in memory."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadAudio:
    """Reads an audio chunk by chunk, as its reader takes them. Nothing is open between two of them."""

    get: GetAudio
    stores: Stores
    now: Callable[[], datetime]

    async def __call__(self, audio: Audio, *, offset: int, limit: int) -> AsyncIterator[bytes]:
        """Up to `limit` bytes (0: all) from `offset` on. The last of all of them come only if all of them are right.

        Raises:
            AudioNotFoundError: It has ended, or its bytes are gone; what came before is not all of it.
            AudioDamagedError: All bytes were read, and are not those that were stored.
        """
        end = min(audio.size_bytes, offset + limit) if limit else audio.size_bytes
        whole, digest = (offset, end) == (0, audio.size_bytes), hashlib.sha256()
        for place in range(offset, end, PIECE_BYTES):
            piece = memoryview(await self._piece(audio, place, min(PIECE_BYTES, end - place)))
            if whole:
                digest.update(piece)
                self._require_intact(audio, digest, is_last=place + PIECE_BYTES >= end)
            for start in range(0, len(piece), CHUNK_BYTES):
                audio = await self._living(audio)
                yield bytes(piece[start : start + CHUNK_BYTES])

    @staticmethod
    def _require_intact(audio: Audio, digest: hashlib._Hash, *, is_last: bool) -> None:
        if is_last and digest.digest() != audio.sha256:
            logger.error("download.bytes_damaged", extra={"audio": str(audio.name)})
            raise AudioDamagedError(audio.name)

    async def _piece(self, audio: Audio, offset: int, length: int) -> bytes:
        # A key that its writer chose gets another owner once the audio is gone: then the bytes have to be those.
        etag = audio.etag if audio.claims_key else None
        if audio.location not in self.stores.by_location:  # its folder was given up
            raise AudioNotFoundError(audio.name)
        blobs = self.stores.of(audio).blobs
        piece = await blobs.read(audio.object_key, etag=etag, offset=offset, length=length)
        if piece is None and etag is not None and (own := await _own_etag(blobs, audio)) != etag:
            piece = await blobs.read(audio.object_key, etag=own, offset=offset, length=length) if own else None
        if piece is None or len(piece) < length:
            await self.get(audio.name)  # deleted meanwhile, as a rule
            logger.error("download.bytes_missing", extra={"audio": str(audio.name)})
            raise AudioNotFoundError(audio.name)
        return piece

    async def _living(self, audio: Audio) -> Audio:
        """The audio; the row is asked only where the end that was known has come, for it may have been moved."""
        return audio if audio.is_readable(self.now()) else await self.get(audio.name)


async def _own_etag(blobs: BlobStore, audio: Audio) -> str:
    """What the store calls the audio's bytes now; empty: they are not there.

    After a migration to another store, what was put in parts has an ETag that the row does not know. The attempt goes
    with the bytes, and is nobody else's.
    """
    there = await blobs.head(audio.object_key)
    return there.etag if there is not None and there.attempt == audio.attempt else ""

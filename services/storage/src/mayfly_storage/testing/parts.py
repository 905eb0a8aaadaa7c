"""Uploads in parts, in memory."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

from mayfly_storage.domain.errors import ContentMismatchError
from mayfly_storage.domain.links import Guarantee, UploadGrant, UploadPart
from mayfly_storage.domain.parts import OpenUpload, UploadPage, cuts
from mayfly_storage.domain.ports import BlobFacts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from pathlib import Path

    from mayfly_storage.domain.audio import Audio
    from mayfly_storage.testing.blobs import MemoryBlobs
    from mayfly_storage.testing.links import MemoryLinks


@dataclass(slots=True)
class MemoryUpload:
    """An open upload, and the parts that were put."""

    audio: Audio
    begin_time: datetime
    parts: dict[int, bytes] = field(default_factory=dict)


class MemoryParts:
    """A PartStore. Tests may read, and break, what it holds."""

    def __init__(self, *, blobs: MemoryBlobs, links: MemoryLinks, now: Callable[[], datetime]) -> None:
        """Take where objects go, what serves the links, and the store's own clock."""
        self.single_put_bytes = 5 * 1024**3
        self.part_bytes = 300_000
        self.open: dict[str, MemoryUpload] = {}
        self.aborted: dict[str, MemoryUpload] = {}
        self.kept: dict[str, MemoryUpload] = {}
        """Aborted uploads of which a part was under way, and landed: no listing shows them."""
        self.clings = 0
        """How often aborting leaves a part behind."""
        self._blobs = blobs
        self._links = links
        self._now = now
        self._ids = count(1)

    async def begin(self, audio: Audio) -> str:
        """An id of its own."""
        if self._blobs.failure is not None:
            raise self._blobs.failure
        upload_id = f"upload-{next(self._ids)}"
        self.open[upload_id] = MemoryUpload(audio, self._now())
        return upload_id

    async def grant(self, audio: Audio, upload_id: str) -> UploadGrant:
        """Links that MemoryLinks serves."""
        parts = [
            UploadPart(
                part_number=cut.number,
                url=self._links.part(upload_id, cut.number, lambda n, body: self._put(upload_id, n, body)),
                headers={"Content-Length": str(cut.size_bytes)},
                offset_bytes=cut.offset_bytes,
                size_bytes=cut.size_bytes,
            )
            for cut in cuts(audio.size_bytes, self.part_bytes)
        ]
        enforced = (Guarantee.SIZE, Guarantee.CONTENT_TYPE, Guarantee.WRITE_ONCE)
        end, attempt = audio.upload_deadline, audio.attempt
        return UploadGrant(url="", headers={}, expire_time=end, attempt=attempt, enforced=enforced, parts=tuple(parts))

    def _put(self, upload_id: str, number: int, body: bytes) -> str | None:
        """The part's ETag; None if the upload is not open."""
        if upload_id not in self.open:
            return None
        self.open[upload_id].parts[number] = body
        return _etag(body)

    async def put_file(self, audio: Audio, upload_id: str, path: Path) -> list[str] | None:
        """All parts."""
        body = await asyncio.to_thread(path.read_bytes)
        pieces = [body[cut.offset_bytes :][: cut.size_bytes] for cut in cuts(audio.size_bytes, self.part_bytes)]
        etags = [self._put(upload_id, number, piece) for number, piece in enumerate(pieces, 1)]
        found = [etag for etag in etags if etag is not None]
        return found if len(found) == len(etags) else None

    async def complete(self, key: str, upload_id: str, etags: Sequence[str]) -> None:
        """Make the object."""
        upload = self.open.get(upload_id)
        if upload is None or upload.audio.object_key != key:
            return
        there = [_etag(upload.parts[number]) for number in sorted(upload.parts)]
        if there != list(etags) or not there:
            raise ContentMismatchError("part_etags", expected="those of all parts", actual=f"{len(etags)} others")
        if key in self._blobs.objects:
            return
        body = b"".join(upload.parts[number] for number in sorted(upload.parts))
        audio = upload.audio
        facts = BlobFacts(
            content_type=audio.content_type,
            size_bytes=len(body),
            sha256=hashlib.sha256(body).digest(),
            attempt=audio.attempt,
        )
        self._blobs.put(key, body, facts)
        del self.open[upload_id]

    async def abort(self, key: str, upload_id: str) -> bool:
        """Forget it."""
        if not await self.is_open(key, upload_id):
            return True
        kind = self.open if upload_id in self.open else self.kept
        upload = self.aborted[upload_id] = kind.pop(upload_id)
        if self.clings:
            self.clings -= 1
            self.kept[upload_id] = upload
            return False
        return True

    def land(self, upload_id: str) -> None:
        """A part arrives that was under way when its upload was aborted."""
        self.kept[upload_id] = self.aborted[upload_id]

    async def is_open(self, key: str, upload_id: str) -> bool:
        """Whether it is."""
        upload = self.open.get(upload_id) or self.kept.get(upload_id)
        return upload is not None and upload.audio.object_key == key

    async def list_uploads(self, prefix: str, *, limit: int, cursor: str = "") -> UploadPage:
        """By key."""
        found = sorted(
            (each.audio.object_key, upload_id, each.begin_time)
            for upload_id, each in self.open.items()
            if each.audio.object_key.startswith(prefix) and f"{each.audio.object_key} {upload_id}" > cursor
        )
        page = [OpenUpload(key=key, upload_id=upload_id, begin_time=begun) for key, upload_id, begun in found[:limit]]
        following = f"{page[-1].key} {page[-1].upload_id}" if len(found) > limit else ""
        return UploadPage(uploads=tuple(page), cursor=following, store_time=self._now())


def _etag(body: bytes) -> str:
    return hashlib.md5(body, usedforsecurity=False).hexdigest()

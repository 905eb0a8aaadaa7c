"""Links in memory, and what a person would get through them."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from itertools import count
from typing import TYPE_CHECKING

from mayfly_storage.domain.content_types import EXTENSIONS
from mayfly_storage.domain.errors import ContentMismatchError, StorageFullError
from mayfly_storage.domain.links import Guarantee, LimitedBy, SignedUrl, UploadGrant
from mayfly_storage.domain.ports import BlobFacts
from mayfly_storage.testing.contract import LinkResponse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from mayfly_storage.domain.audio import Audio
    from mayfly_storage.domain.links import LinkWish
    from mayfly_storage.testing.blobs import MemoryBlobs


class MemoryLinks:
    """A LinkSigner whose links are honoured by `serve`."""

    def __init__(self, *, blobs: MemoryBlobs, now: Callable[[], datetime]) -> None:
        """Take the store that the links lead to, and the clock that ends them."""
        self.credentials_expire_time: datetime | None = None
        """When set, no link lives longer."""
        self.failure: Exception | None = None
        """Raised by every method while it is set."""
        self._blobs = blobs
        self._now = now
        self._signed: dict[str, tuple[LinkWish, datetime]] = {}
        self._granted: dict[str, Audio] = {}
        self._parts: dict[str, tuple[int, Callable[[int, bytes], str | None]]] = {}
        # Equal wishes have equal links, as in every store.
        self._numbers: defaultdict[object, int] = defaultdict(count(1).__next__)

    async def sign_urls(self, wishes: Sequence[LinkWish]) -> list[SignedUrl | None]:
        """A GET link for each wish."""
        self._raise_failure()
        return [self._sign(wish) for wish in wishes]

    def _sign(self, wish: LinkWish) -> SignedUrl | None:
        end, limited_by = wish.expire_time, wish.limited_by
        if self.credentials_expire_time is not None and self.credentials_expire_time < end:
            end, limited_by = self.credentials_expire_time, LimitedBy.CREDENTIALS
        if end - self._now() < timedelta(seconds=1):
            return None
        url = f"http://links.invalid/{wish.audio.name}?sig={self._numbers[wish.audio.name, wish.attachment, end]}"
        self._signed[url] = (wish, end)
        return SignedUrl(url=url, expire_time=end, limited_by=limited_by)

    async def grant_upload(self, audio: Audio) -> UploadGrant:
        """The right to put the declared bytes."""
        self._raise_failure()
        url = f"http://links.invalid/uploads/{audio.name.date}/{audio.name.audio_id}?sig={self._numbers[audio.name]}"
        self._granted[url] = audio
        return UploadGrant(
            url=url,
            headers={"Content-Type": audio.content_type, "Content-Length": str(audio.size_bytes)},
            expire_time=audio.upload_deadline,
            attempt=audio.attempt,
            enforced=tuple(Guarantee),
        )

    def part(self, upload_id: str, number: int, put: Callable[[int, bytes], str | None]) -> str:
        """A link to a part; `put` takes its bytes, and answers their ETag."""
        url = f"http://links.invalid/parts/{upload_id}/{number}"
        self._parts[url] = (number, put)
        return url

    def serve(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> LinkResponse:
        """What the store would answer to a request."""
        if method == "PUT" and url in self._parts:
            number, put = self._parts[url]
            etag = put(number, body) if len(body) == int((headers or {})["Content-Length"]) else None
            return LinkResponse(status=404) if etag is None else LinkResponse(status=200, headers={"etag": etag})
        if method == "PUT" and url in self._granted:
            return self._put(self._granted[url], headers or {}, body)
        if method == "GET" and url in self._signed:
            return self._get(*self._signed[url])
        return LinkResponse(status=403)

    def _get(self, wish: LinkWish, end: datetime) -> LinkResponse:
        found = self._blobs.objects.get(wish.audio.object_key)
        if self._now() >= end:
            return LinkResponse(status=403)
        if found is None:
            return LinkResponse(status=404)
        kind = "attachment" if wish.attachment else "inline"
        name = f"{wish.audio.name.audio_id}.{EXTENSIONS.get(wish.audio.content_type, 'bin')}"
        headers = {
            "content-type": wish.audio.content_type,
            "content-disposition": f'{kind}; filename="{name}"',
            "cache-control": f"private, max-age={int((end - self._now()).total_seconds())}",
        }
        return LinkResponse(status=200, headers=headers, body=found.body)

    def _put(self, audio: Audio, headers: Mapping[str, str], body: bytes) -> LinkResponse:
        given = {name.lower(): value for name, value in headers.items()}
        if self._now() >= audio.upload_deadline or given.get("content-type") != audio.content_type:
            return LinkResponse(status=403)
        facts = BlobFacts(
            content_type=audio.content_type, size_bytes=audio.size_bytes, sha256=audio.sha256, attempt=audio.attempt
        )
        try:
            self._blobs.put(audio.object_key, body, facts)
        except ContentMismatchError as error:
            return LinkResponse(status=412 if error.field == "attempt" else 400)
        except StorageFullError:
            return LinkResponse(status=507)
        return LinkResponse(status=200)

    def _raise_failure(self) -> None:
        if self.failure is not None:
            raise self.failure

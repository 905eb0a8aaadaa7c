"""What the contract suite needs of a backend under test. Openers of backends are in tests/contract/conftest.py."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from mayfly_storage.domain.digests import with_digest
from mayfly_storage.testing.builders import an_audio

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping

    from mayfly_runtime.testing import FakeClock
    from mayfly_storage.domain.audio import Audio
    from mayfly_storage.domain.ports import AudioCatalog, BlobStore, LinkSigner, StoredBlob
    from mayfly_storage.domain.stores import Backend


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkResponse:
    """What came back through a link; header names are in lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


class FollowLink(Protocol):
    """Sends an HTTP request to a link, as a person's browser would."""

    def __call__(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> Awaitable[LinkResponse]:
        """What the store answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One opened, empty backend."""

    backend: Backend
    clock: FakeClock
    """The `now` that the backend was opened with."""
    follow: FollowLink

    @property
    def catalog(self) -> AudioCatalog:
        """Its rows."""
        return self.backend.catalog

    @property
    def blobs(self) -> BlobStore:
        """Its bytes."""
        return self.backend.stores.first.blobs

    @property
    def links(self) -> LinkSigner:
        """Its links."""
        return self.backend.stores.first.links

    async def head(self, key: str) -> StoredBlob | None:
        """What lies at a key, with its checksum: that of its bytes where the store keeps none."""
        blob = await self.blobs.head(key)
        return await with_digest(self.blobs, blob) if blob is not None else None

    def an_audio(self, **overrides: Any) -> Audio:
        """A PENDING audio that belongs here and now."""
        return an_audio(**({"create_time": self.clock.now(), "location": self.backend.stores.primary} | overrides))

"""A whole backend in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mayfly_storage.backends.watched import WatchedBlobs
from mayfly_storage.domain.audio import Location
from mayfly_storage.domain.stores import Backend, Store, Stores
from mayfly_storage.domain.timing import Timing
from mayfly_storage.testing.blobs import MemoryBlobs
from mayfly_storage.testing.catalog import MemoryCatalog
from mayfly_storage.testing.certificates import MemoryCertificates
from mayfly_storage.testing.links import MemoryLinks
from mayfly_storage.testing.parts import MemoryParts

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from mayfly_storage.domain.fallback import Fallback


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryBackend:
    """The fakes by their own types, and as the Backend that `app.py` would open."""

    catalog: MemoryCatalog
    blobs: MemoryBlobs
    links: MemoryLinks
    backend: Backend
    fallback_blobs: MemoryBlobs
    """The fallback's, if there is one."""


def memory_backend(
    *, now: Callable[[], datetime], timing: Timing | None = None, fallback: Fallback | None = None
) -> MemoryBackend:
    """Open an empty backend: with a fallback, its first store is one that may fail, called S3."""
    catalog = MemoryCatalog(timing=timing or Timing(), now=now)
    blobs = MemoryBlobs(now=now, location=Location.LOCAL if fallback is None else Location.S3)
    links = MemoryLinks(blobs=blobs, now=now)
    spare = MemoryBlobs(now=now)
    backend = Backend(
        name="memory",
        bucket="memory",
        region="",
        catalog=catalog,
        certificates=MemoryCertificates(now=now),
        stores=_stores(blobs, links, spare, fallback, now),
    )
    return MemoryBackend(catalog=catalog, blobs=blobs, links=links, backend=backend, fallback_blobs=spare)


def _stores(
    blobs: MemoryBlobs, links: MemoryLinks, spare: MemoryBlobs, fallback: Fallback | None, now: Callable[[], datetime]
) -> Stores:
    parts = MemoryParts(blobs=blobs, links=links, now=now)
    if fallback is None:
        store = Store(blobs=blobs, links=links, parts=parts)
        return Stores(primary=blobs.location, by_location={blobs.location: store})
    watched = Store(blobs=WatchedBlobs(blobs=blobs, fallback=fallback), links=links, parts=parts)
    other = Store(blobs=spare, links=MemoryLinks(blobs=spare, now=now))
    return Stores(
        primary=blobs.location, by_location={blobs.location: watched, spare.location: other}, fallback=fallback
    )

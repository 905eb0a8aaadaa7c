"""A whole backend in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mayfly_storage.domain.audio import Location
from mayfly_storage.domain.ports import Backend, Store, Stores
from mayfly_storage.domain.timing import Timing
from mayfly_storage.testing.blobs import MemoryBlobs
from mayfly_storage.testing.catalog import MemoryCatalog
from mayfly_storage.testing.certificates import MemoryCertificates
from mayfly_storage.testing.links import MemoryLinks

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryBackend:
    """The fakes by their own types, and as the Backend that `app.py` would open."""

    catalog: MemoryCatalog
    blobs: MemoryBlobs
    links: MemoryLinks
    backend: Backend


def memory_backend(*, now: Callable[[], datetime], timing: Timing | None = None) -> MemoryBackend:
    """Open an empty backend."""
    catalog = MemoryCatalog(timing=timing or Timing(), now=now)
    blobs = MemoryBlobs(now=now)
    links = MemoryLinks(blobs=blobs, now=now)
    store = Store(blobs=blobs, links=links)
    backend = Backend(
        name="memory",
        bucket="memory",
        region="",
        catalog=catalog,
        certificates=MemoryCertificates(now=now),
        stores=Stores(primary=Location.LOCAL, by_location={Location.LOCAL: store}),
    )
    return MemoryBackend(catalog=catalog, blobs=blobs, links=links, backend=backend)

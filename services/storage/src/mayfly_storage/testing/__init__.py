"""For tests of storage: the ports in memory, held to the contract suite like every backend, and builders of facts."""

from __future__ import annotations

from mayfly_storage.testing.backend import MemoryBackend, memory_backend
from mayfly_storage.testing.blobs import MemoryBlobs
from mayfly_storage.testing.builders import DAWN, SOUND, a_request, an_audio, facts_of
from mayfly_storage.testing.catalog import MemoryCatalog
from mayfly_storage.testing.contract import FollowLink, LinkResponse, Subject
from mayfly_storage.testing.links import MemoryLinks

__all__ = [
    "DAWN",
    "SOUND",
    "FollowLink",
    "LinkResponse",
    "MemoryBackend",
    "MemoryBlobs",
    "MemoryCatalog",
    "MemoryLinks",
    "Subject",
    "a_request",
    "an_audio",
    "facts_of",
    "memory_backend",
]

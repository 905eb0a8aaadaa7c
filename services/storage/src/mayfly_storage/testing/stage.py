"""The use cases over a backend in memory, with a clock that waits for nobody."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from mayfly_runtime.testing import FakeClock
from mayfly_storage.collections_file import read_collections
from mayfly_storage.domain.audio import Location
from mayfly_storage.domain.fallback import Fallback
from mayfly_storage.domain.privacy import Privacy, TextPolicy
from mayfly_storage.domain.timing import Timing
from mayfly_storage.domain.uploads import NewAudio, UploadRequest
from mayfly_storage.testing.backend import memory_backend
from mayfly_storage.testing.builders import DAWN, LARGE, SOUND
from mayfly_storage.usecases.assembly import RetentionUseCases, StorageUseCases, World

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from mayfly_storage.domain.audio import Audio
    from mayfly_storage.domain.collections import Collections
    from mayfly_storage.domain.links import UploadGrant
    from mayfly_storage.domain.stores import Stores


class Between:
    """A port that lets a test act right before a call: what races do, at a moment of the test's choice."""

    def __init__(self, port: Any) -> None:
        """Take the port that answers."""
        self._port = port
        self.before: dict[str, Callable[[], Awaitable[object]]] = {}
        """What to do before the next call of a method, once."""
        self.instead: dict[str, Callable[..., Awaitable[object]]] = {}
        """What to do instead of the next call of a method, once."""

    def __getattr__(self, name: str) -> Any:
        """The port's own attribute; a method with something to do before does it first."""
        found = self.instead.pop(name, None) or getattr(self._port, name)
        if name not in self.before:
            return found
        action = self.before.pop(name)

        async def after(*args: Any, **kwargs: Any) -> Any:
            await action()
            return await found(*args, **kwargs)

        return after


def _fallback(clock: FakeClock) -> Fallback:
    return Fallback(location=Location.LOCAL, now=clock.now, threshold=3, patience=timedelta(seconds=5))


class Stage:
    """Everything that a test of use cases needs. Tests may read, and break, what it holds."""

    def __init__(
        self, *, collections: Collections | None = None, privacy: Privacy | None = None, with_fallback: bool = False
    ) -> None:
        """Begin at `DAWN`, empty; with a fallback, the first store is S3 and may be made to fail."""
        self.clock = FakeClock(DAWN)
        self.timing = Timing()
        self.fallback = _fallback(self.clock) if with_fallback else None
        self.memory = memory_backend(now=self.clock.now, timing=self.timing, fallback=self.fallback)
        self.catalog = Between(self.memory.catalog)
        self.blobs = Between(self.memory.blobs)
        attempts = count(1)
        self.world = World(
            backend=replace(self.memory.backend, catalog=self.catalog, stores=self._stores()),
            collections=collections or read_collections(),
            privacy=privacy or Privacy(secret=b"a secret of the tests, and long enough", texts=TextPolicy.KEPT),
            timing=self.timing,
            now=self.clock.now,
            new_id=uuid4,
            new_attempt=lambda: f"attempt-{next(attempts)}",
        )
        self.storage = StorageUseCases.over(self.world)
        self.retention = RetentionUseCases.over(self.world)

    def _stores(self) -> Stores:
        stores = self.memory.backend.stores
        if self.fallback is not None:
            return stores
        return replace(stores, by_location={stores.primary: replace(stores.first, blobs=self.blobs)})

    def wish(self, body: bytes = SOUND, **overrides: Any) -> UploadRequest:
        """A request to store some bytes as guest audio; overrides are fields of UploadRequest or of its NewAudio."""
        facts: dict[str, Any] = {"caller": "synth", "request_id": str(uuid4()), "size_bytes": len(body)}
        facts |= {"sha256": hashlib.sha256(body).digest(), "quota_reservation": ""}
        facts |= {name: overrides.pop(name) for name in list(overrides) if name in facts}
        audio = NewAudio(**({"collection": "temp-audio", "content_type": "audio/wav"} | overrides))
        return UploadRequest(audio=audio, **facts)

    async def granted(self, body: bytes = LARGE, **overrides: Any) -> tuple[Audio, UploadGrant]:
        """A PENDING audio, and the way in which its bytes are to come."""
        audio, grant = await self.storage.create_upload(self.wish(body, **overrides))
        if grant is None:
            raise AssertionError(f"{audio.name} is READY already: a retry of what was committed needs no PUT")
        return audio, grant

    def put_parts(self, grant: UploadGrant, body: bytes = LARGE) -> list[str]:
        """The ETags of all parts of a grant, after they were put."""
        answers = [
            self.memory.links.serve(
                "PUT", part.url, headers=part.headers, body=body[part.offset_bytes :][: part.size_bytes]
            )
            for part in grant.parts
        ]
        if refused := [answer for answer in answers if answer.status != 200]:
            raise AssertionError(f"parts were refused: {refused}")
        return [answer.headers["etag"] for answer in answers]

    async def reserved(self, body: bytes = SOUND, **overrides: Any) -> Audio:
        """A PENDING audio whose bytes were not put."""
        audio, _ = await self.storage.create_upload(self.wish(body, **overrides))
        return audio

    async def put(self, body: bytes = SOUND, **overrides: Any) -> Audio:
        """A PENDING audio whose bytes were put."""
        audio, grant = await self.granted(body, **overrides)
        answer = self.memory.links.serve("PUT", grant.url, headers=grant.headers, body=body)
        if answer.status != 200:
            raise AssertionError(f"the PUT was refused: {answer}")
        return audio

    async def saved(self, body: bytes = SOUND, **overrides: Any) -> Audio:
        """A READY audio."""
        audio = await self.put(body, **overrides)
        return await self.storage.commit_upload(audio.name, self.world.tickets.issue(audio))

    def row(self, audio: Audio) -> Audio | None:
        """The row as it is, if it is."""
        return self.memory.catalog.rows.get(audio.name)

    def lies(self, audio: Audio) -> bool:
        """Whether bytes lie at the audio's key."""
        return audio.object_key in self.memory.blobs.objects

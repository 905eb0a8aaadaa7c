"""Storage on an emulated AWS as its callers use it, whose wire loses answers."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import httpx

from mayfly_storage.domain.ports import Shard
from mayfly_storage.domain.uploads import NewAudio, Subject, UploadRequest
from mayfly_storage.testing import SOUND
from mayfly_storage.testing.sweeping import all_objects, all_rows
from mayfly_storage.usecases.assembly import RetentionUseCases, StorageUseCases, World

if TYPE_CHECKING:
    from pathlib import Path

    from mayfly_runtime.testing import FakeClock
    from mayfly_storage.backends.aws.testing import Wire
    from mayfly_storage.domain.audio import Audio, State

GUEST: Final = Subject(guest_address="203.0.113.7")
USER: Final = Subject(user_id="u1")


@dataclass
class Desk:
    """Storage on an emulated AWS, and what its callers do there."""

    world: World
    folder: Path
    wire: Wire
    clock: FakeClock
    storage: StorageUseCases = field(init=False)
    retention: RetentionUseCases = field(init=False)

    def __post_init__(self) -> None:
        self.storage = StorageUseCases.over(self.world)
        self.retention = RetentionUseCases.over(self.world)

    def wish(self, *, chosen: bool = False, **changes: Any) -> UploadRequest:
        """A guest's speech, or a user's recording at a key of the user's choice."""
        facts: dict[str, Any] = {"collection": "temp-audio", "subject": GUEST}
        if chosen:
            facts = {"collection": "recordings", "subject": USER, "key_fields": {"recording_id": uuid4().hex}}
        return UploadRequest(
            caller="synth",
            request_id=str(uuid4()),
            audio=NewAudio(**{"content_type": "audio/wav", "ttl": timedelta(hours=1), **facts}),
            size_bytes=len(SOUND),
            sha256=hashlib.sha256(SOUND).digest(),
            **changes,
        )

    def body(self) -> Path:
        """A sound in a file of its own."""
        path = self.folder / uuid4().hex
        path.write_bytes(SOUND)
        return path

    async def saved(self, *, chosen: bool = False) -> Audio:
        """A READY audio."""
        return await self.storage.store_file(self.wish(chosen=chosen), self.body())

    async def put(self, *, chosen: bool = False) -> tuple[Audio, str]:
        """Reserved, and put through the grant by its caller; the attempt."""
        audio, grant = await self.storage.create_upload(self.wish(chosen=chosen))
        assert grant is not None
        async with httpx.AsyncClient(timeout=60) as http:
            answer = await http.put(grant.url, headers=grant.headers, content=SOUND)
        assert answer.status_code == 200
        return audio, grant.attempt

    async def purged(self) -> list[str]:
        """What became of all that is due."""
        page = await self.retention.list_expired(collection="", before=None, shard=Shard(), limit=10, cursor="")
        return [result.outcome.value for result in await self.retention.purge_audio(page.items)]

    async def states(self) -> list[State]:
        """Of all rows."""
        return [row.state for row in await all_rows(self.world.backend.catalog)]

    async def objects(self) -> int:
        """How many lie in the bucket."""
        return len(await all_objects(self.world.backend, self.world.collections))

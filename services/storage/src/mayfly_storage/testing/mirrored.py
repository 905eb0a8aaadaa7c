"""Storage with a mirror behind a relay, over an emulated S3, in one process."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from mayfly_runtime.offload import Offload
from mayfly_storage.backends.aws.backend import open_aws
from mayfly_storage.backends.aws.clients import make_clients
from mayfly_storage.backends.aws.testing import emulated_options, emulated_session
from mayfly_storage.backends.mirror import with_mirror
from mayfly_storage.domain.timing import Timing
from mayfly_storage.domain.uploads import Subject
from mayfly_storage.mirror_queue import MirrorQueue, mirroring
from mayfly_storage.testing.builders import SOUND
from mayfly_storage.testing.replica import provision
from mayfly_storage.testing.stage import Stage
from mayfly_storage.transport.spool import Spool
from mayfly_storage.usecases.assembly import RetentionUseCases, StorageUseCases
from mayfly_storage.usecases.mirroring import Differs, Mirror

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from mayfly_runtime.testing import FakeClock
    from mayfly_storage.backends.aws.clients import Clients
    from mayfly_storage.backends.aws.options import AwsOptions
    from mayfly_storage.domain.audio import Audio
    from mayfly_storage.domain.stores import Backend
    from mayfly_storage.testing.relay import Relay

RECORDING: Final[dict[str, Any]] = {
    "collection": "recordings",
    "key_fields": {"recording_id": "r1"},
    "subject": Subject(user_id="u1"),
}
"""What makes an audio one at a key that its caller chose."""


class Mirrored:
    """Storage, and both of its buckets in the hand."""

    def __init__(self, backend: Backend, clock: FakeClock, spool: Spool, raw: Clients, second: AwsOptions) -> None:
        """Take what was opened, the time, boto3 itself, and where the mirror's bucket (and storage's table) is."""
        self.backend, self.clock, self.stage, self.raw = backend, clock, Stage(), raw
        self.options, self.bucket = second, second.bucket
        self.world = replace(self.stage.world, backend=backend, now=clock.now)
        self.storage = StorageUseCases.over(self.world)
        self.retention = RetentionUseCases.over(self.world)
        self.mirror = Mirror(
            catalog=backend.catalog,
            stores=backend.stores,
            collections=self.world.collections,
            mirrored=(),
            scratch=spool.open_file,
            now=clock.now,
        )
        self.failed, self.again = asyncio.Event(), asyncio.Event()
        """Set when a copy could not be made, and to let the queue try again."""
        self.queue = MirrorQueue(self.mirror, pause=self._pause)

    async def _pause(self) -> None:
        self.failed.set()
        await self.again.wait()

    async def saved(self, file: Path, body: bytes = SOUND, **facts: Any) -> Audio:
        """A READY audio, of which the mirror has heard."""
        await asyncio.to_thread(file.write_bytes, body)
        audio = await self.storage.store_file(self.stage.wish(body, **facts), file)
        self.queue.offer(audio)
        return audio

    async def copied(self, audio: Audio) -> bytes | None:
        """What lies in the mirror."""
        try:
            answer = await asyncio.to_thread(self.raw.s3.get_object, Bucket=self.bucket, Key=audio.object_key)
        except self.raw.s3.exceptions.NoSuchKey:
            return None
        return await asyncio.to_thread(answer["Body"].read)

    async def put(self, key: str, body: bytes) -> None:
        """Let others write to the mirror."""
        await asyncio.to_thread(self.raw.s3.put_object, Bucket=self.bucket, Key=key, Body=body)

    async def differences(self) -> list[tuple[Differs, str]]:
        """How the mirror differs from the rows."""
        return [(each.kind, each.object_key) async for each in self.mirror.differences(thorough=True) if each]


@asynccontextmanager
async def open_mirrored(
    aws_url: str, relay: Relay, folder: Path, clock: FakeClock, **patience: Any
) -> AsyncIterator[Mirrored]:
    """Two new buckets, a table, and the queue at work; `patience` changes AwsOptions of the mirror."""
    first = emulated_options(aws_url)
    second = replace(first, bucket=f"mirror-{uuid4().hex}")
    for options in (first, second):
        await asyncio.to_thread(provision, options)
    behind = replace(second, s3_endpoint_url=relay.url, attempts=1, **patience)
    async with AsyncExitStack() as stack:
        raw = make_clients(second, session=emulated_session())
        stack.callback(raw.close)
        pool = Offload(name="spool", workers=2, queue=20)
        stack.push_async_callback(pool.shutdown)
        opening = open_aws(first, timing=Timing(), now=clock.now, session=emulated_session())
        backend = await stack.enter_async_context(
            with_mirror(opening, behind, now=clock.now, session=emulated_session())
        )
        mirrored = Mirrored(backend, clock, await Spool.open(folder / "spool", pool), raw, behind)
        await stack.enter_async_context(mirroring(mirrored.queue))
        yield mirrored

"""Writers of one request in processes of their own: `python -m mayfly_storage.testing.racing`, told by standard input.

A racer opens the backend, says `ready`, and waits for a line. Then all its writers send the same request at once, and
it prints what they were answered.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mayfly_storage.backends.aws.backend import open_aws
from mayfly_storage.backends.aws.testing import emulated_options, emulated_session
from mayfly_storage.domain.errors import StorageError
from mayfly_storage.domain.timing import Timing
from mayfly_storage.domain.uploads import NewAudio, Subject, UploadRequest
from mayfly_storage.testing.worlds import a_world
from mayfly_storage.usecases.assembly import StorageUseCases

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@dataclass(frozen=True, slots=True)
class Race:
    """What all racers are told."""

    url: str
    """Of the emulator."""
    place: str
    """Bucket and table, which exist."""
    request_id: str
    writers: int
    """In each process."""


@asynccontextmanager
async def racer(race: Race) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process that is ready to race; killed if it is still there at the end."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", __spec__.name if __name__ == "__main__" else __name__),
        json.dumps([race.url, race.place, race.request_id, race.writers]),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        if process.stdout is None or await asyncio.wait_for(process.stdout.readline(), timeout=60) != b"ready\n":
            raise AssertionError("the racer did not come to its start")
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def run(process: asyncio.subprocess.Process) -> Counter[str]:
    """Let it race; how many of its writers were answered what: the name of an audio, or of an error."""
    out, _ = await asyncio.wait_for(process.communicate(b"go\n"), timeout=60)
    return Counter(json.loads(out))


async def _race(race: Race) -> None:
    options = emulated_options(race.url, bucket=race.place, table=race.place)
    async with open_aws(options, timing=Timing(), now=_now, session=emulated_session()) as backend:
        world = a_world(backend, _now)
        storage = StorageUseCases.over(world)
        _tell("ready")
        await asyncio.to_thread(sys.stdin.readline)
        answers = await asyncio.gather(*(_write(storage, _request(race)) for _ in range(race.writers)))
        _tell(json.dumps(Counter(answers)))


def _request(race: Race) -> UploadRequest:
    audio = NewAudio(
        collection="recordings",
        content_type="audio/wav",
        key_fields={"recording_id": "r1"},
        subject=Subject(user_id="u1"),
    )
    return UploadRequest(
        caller="racer",
        request_id=race.request_id,
        audio=audio,
        size_bytes=5,
        sha256=b"0" * 32,
    )


async def _write(storage: StorageUseCases, request: UploadRequest) -> str:
    try:
        audio, _ = await storage.create_upload(request)
    except StorageError as error:
        return type(error).__name__
    return str(audio.name)


def _now() -> datetime:
    return datetime.now(UTC)


def _tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(_race(Race(*json.loads(sys.argv[1]))))

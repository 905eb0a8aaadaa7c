"""Kill -9 at any moment: what was acknowledged is there, and what was not is nowhere half."""

from __future__ import annotations

import hashlib
import random
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from mayfly_storage.domain.audio import AudioName, State

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from conftest import Disk
    from mayfly_storage.testing import Subject

    Opening = Callable[..., AbstractAsyncContextManager[Subject]]

# Says a line after each acknowledgement: `<step> <name>`. Eight savers at once, so that writes share transactions.
SAVER = """
import asyncio, itertools, os, pathlib, sys
from datetime import UTC, datetime
from mayfly_storage.backends.embedded.backend import open_embedded
from mayfly_storage.backends.embedded.options import EmbeddedOptions, LinkServerOptions
from mayfly_storage.domain.timing import Timing
from mayfly_storage.testing import a_request, an_audio, facts_of

def say(step, audio):
    os.write(1, f"{step} {audio.name}\\n".encode())

async def save_for_ever(backend, folder, body):
    for number in itertools.count():
        audio = an_audio(body=body, create_time=datetime.now(UTC), text="kept")
        await backend.catalog.reserve(audio, a_request(audio))
        say("reserved", audio)
        path = folder / f"{audio.name.audio_id}.tmp"
        path.write_bytes(body)
        blob = await backend.stores.first.blobs.put_file(audio.object_key, path, facts_of(audio))
        say("put", audio)
        ready = await backend.catalog.make_ready(audio.ready(etag=blob.etag))
        say("ready", audio)
        if number % 3 == 2:
            await backend.catalog.begin_delete([ready], datetime.now(UTC))
            say("deleting", audio)

async def main():
    folder = pathlib.Path(sys.argv[1])
    options = EmbeddedOptions(data_dir=folder / "data", links=LinkServerOptions(listen="127.0.0.1:0"))
    async with open_embedded(options, timing=Timing(), now=lambda: datetime.now(UTC)) as backend:
        await asyncio.gather(*(save_for_ever(backend, folder, bytes([n]) * 5000) for n in range(8)))

asyncio.run(main())
"""


def kill_after(lines: int, folder: Path) -> list[tuple[str, AudioName]]:
    """Let it save until so many acknowledgements, kill it, and answer all that it had said by then."""
    with subprocess.Popen([sys.executable, "-c", SAVER, str(folder)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(lines)]
        process.kill()
        said += process.stdout.readlines()
    acknowledged = [line.decode().split() for line in said]
    return [(step, AudioName.parse(name)) for step, name in acknowledged]


@pytest.mark.parametrize("seed", range(4))
async def test_what_was_acknowledged_survives_the_death_of_the_process(
    opening: Opening, tmp_path: Path, disk: Disk, seed: int
) -> None:
    acknowledged = kill_after(random.Random(seed).randrange(20, 300), tmp_path)  # noqa: S311 - a place to die
    last_step = {name: step for step, name in acknowledged}

    async with opening() as subject:
        rows = await subject.catalog.get_many(list(last_step))
        for name, step in last_step.items():
            # The next step may have been done, too, without having been acknowledged.
            assert (
                rows[name].state
                in {
                    "reserved": {State.PENDING, State.READY},
                    "put": {State.PENDING, State.READY},
                    "ready": {State.READY, State.DELETING},
                    "deleting": {State.DELETING},
                }[step]
            )
            if step != "reserved":
                blob = await subject.blobs.head(rows[name].object_key)
                assert blob is not None
                assert blob.sha256 == rows[name].sha256
        assert disk.names("staging") == set()


async def test_every_file_is_whole_after_the_death_of_the_process(opening: Opening, tmp_path: Path, disk: Disk) -> None:
    kill_after(100, tmp_path)

    async with opening():
        objects = {name: body for name, body in disk.files().items() if name.startswith("objects/")}

    whole = {hashlib.sha256(bytes([n]) * 5000).digest() for n in range(8)}
    assert len(objects) > 20
    assert {hashlib.sha256(body).digest() for body in objects.values()} <= whole


async def test_a_restart_after_a_crash_in_a_deletion_leaves_no_personal_data(opening: Opening, tmp_path: Path) -> None:
    acknowledged = kill_after(200, tmp_path)
    deleted = [name for step, name in acknowledged if step == "deleting"]

    async with opening() as subject:
        rows = await subject.catalog.get_many(deleted)

    assert deleted
    assert {row.text for row in rows.values()} == {""}

"""Dual write (E41): a second bucket gets what is stored, loses what is deleted, and may be away at any time."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from mayfly_storage.domain.audio import Location
from mayfly_storage.domain.errors import AudioDamagedError, BackendUnavailableError
from mayfly_storage.domain.ports import Shard
from mayfly_storage.domain.rests import REST
from mayfly_storage.domain.retention import DueReason
from mayfly_storage.domain.timing import Timing
from mayfly_storage.readiness import check_backend
from mayfly_storage.testing import SOUND
from mayfly_storage.testing.mirrored import RECORDING, Mirrored, open_mirrored
from mayfly_storage.testing.relay import Relay, relay_to
from mayfly_storage.testing.sweeping import sweep
from mayfly_storage.usecases.assembly import RetentionUseCases
from mayfly_storage.usecases.mirroring import Copied, Differs

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from mayfly_runtime.testing import FakeClock


@pytest.fixture
async def relay(aws_url: str) -> AsyncIterator[Relay]:
    async with relay_to(aws_url) as relay:
        yield relay


@pytest.fixture
async def mirrored(aws_url: str, relay: Relay, tmp_path: Path, clock: FakeClock) -> AsyncIterator[Mirrored]:
    async with open_mirrored(aws_url, relay, tmp_path, clock) as mirrored:
        yield mirrored


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "sound"


def back(relay: Relay, mirrored: Mirrored) -> None:
    """The mirror answers again, and has rested."""
    relay.mend()
    mirrored.clock.advance(REST)


@pytest.mark.parametrize("facts", [{}, RECORDING])
async def test_what_is_stored_has_a_copy_soon(mirrored: Mirrored, file: Path, facts: dict[str, Any]) -> None:
    audio = await mirrored.saved(file, **facts)
    await mirrored.queue.drained()
    assert await mirrored.copied(audio) == SOUND
    assert audio.location is Location.S3
    assert mirrored.queue.outcomes == {"copied": 1}
    assert await mirrored.differences() == []


async def test_nobody_waits_for_a_mirror_that_is_away_and_it_is_brought_up_later(
    mirrored: Mirrored, relay: Relay, file: Path
) -> None:
    relay.cut()
    audio = await mirrored.saved(file)
    await mirrored.failed.wait()
    await check_backend(mirrored.backend, within=timedelta(minutes=1))
    assert mirrored.queue.outcomes == {"failed": 1}
    back(relay, mirrored)
    assert await mirrored.differences() == [(Differs.MISSING, audio.object_key)]
    assert await mirrored.mirror.copy(audio) is Copied.COPIED
    assert await mirrored.mirror.copy(audio) is Copied.SAME
    assert await mirrored.differences() == []


async def test_what_an_outage_held_up_is_copied_when_it_is_over(mirrored: Mirrored, relay: Relay, file: Path) -> None:
    relay.cut()
    audios = [await mirrored.saved(file) for _ in range(5)]
    await mirrored.failed.wait()
    back(relay, mirrored)
    mirrored.again.set()
    await mirrored.queue.drained()
    assert [await mirrored.copied(audio) for audio in audios] == [SOUND] * 5
    assert await mirrored.differences() == []


async def test_what_ends_during_the_outage_holds_up_nobody(mirrored: Mirrored, relay: Relay, file: Path) -> None:
    relay.cut()
    await mirrored.saved(file, ttl=timedelta(minutes=5))
    await mirrored.failed.wait()
    mirrored.clock.advance(timedelta(minutes=6))
    mirrored.again.set()
    await mirrored.queue.drained()
    assert set(mirrored.queue.outcomes) == {"failed"}


@pytest.mark.parametrize("facts", [{}, RECORDING])
async def test_a_deletion_leaves_no_copy(mirrored: Mirrored, file: Path, facts: dict[str, Any]) -> None:
    audio = await mirrored.saved(file, **facts)
    await mirrored.queue.drained()
    assert await mirrored.storage.delete_audio(audio.name)
    assert await mirrored.copied(audio) is None


async def test_a_deletion_is_not_done_while_a_copy_may_lie_in_a_mirror_that_is_away(
    mirrored: Mirrored, relay: Relay, file: Path
) -> None:
    audio = await mirrored.saved(file)
    await mirrored.queue.drained()
    relay.cut()
    assert await mirrored.storage.delete_audio(audio.name)
    [row] = (await mirrored.backend.catalog.get_many([audio.name])).values()
    assert not row.bytes_gone
    relay.mend()
    mirrored.clock.advance(timedelta(hours=1))
    await sweep(mirrored.retention)
    assert await mirrored.copied(audio) is None
    assert await mirrored.backend.catalog.get_many([audio.name]) == {}


async def test_nothing_is_proved_gone_while_a_copy_lies_there(mirrored: Mirrored, file: Path) -> None:
    audio = await mirrored.saved(file, ttl=timedelta(minutes=5))
    await mirrored.queue.drained()
    mirrored.clock.advance(timedelta(minutes=6))
    due = await mirrored.retention.list_expired(
        collection="", before=None, shard=Shard(index=0, count=1), limit=10, cursor=""
    )
    [item] = due.items
    await mirrored.retention.purge_audio([item])
    await mirrored.put(audio.object_key, b"late")
    assert not (await mirrored.retention.verify_gone([item]))[0].object_gone


async def test_copies_of_what_lives_are_no_orphans_and_copies_of_nothing_are(mirrored: Mirrored, file: Path) -> None:
    living = await mirrored.saved(file)
    await mirrored.queue.drained()
    lost = living.object_key.replace(living.name.audio_id, str(uuid4()))
    await mirrored.put(lost, b"lost")
    # The emulator dates by the real time, in whole seconds: what was put this second has to count as old.
    timing = replace(Timing(), upload_lifetime=timedelta(seconds=-5), late_put_bound=timedelta(0))
    timing = replace(timing, orphan_grace=timedelta(seconds=-4))
    eager = RetentionUseCases.over(replace(mirrored.world, timing=timing))
    items, cursor = [], ""
    while True:
        page = await eager.list_orphans(collection="", shard=Shard(index=0, count=1), limit=100, cursor=cursor)
        items += page.items
        if not (cursor := page.cursor):
            break
    assert [(each.location, each.object_key, each.reason) for each in items] == [
        (Location.MIRROR, lost, DueReason.ORPHAN_OBJECT)
    ]
    await eager.purge_audio(items)
    assert await mirrored.differences() == []
    assert await mirrored.copied(living) == SOUND


async def test_other_bytes_and_bytes_of_nobody_are_found_and_mended(mirrored: Mirrored, file: Path) -> None:
    audio = await mirrored.saved(file)
    await mirrored.queue.drained()
    await mirrored.put(audio.object_key, SOUND[:-1] + b"\0")
    extra = audio.object_key.replace(audio.name.audio_id, str(uuid4()))
    await mirrored.put(extra, b"extra")
    assert await mirrored.differences() == [(Differs.OTHER, audio.object_key), (Differs.EXTRA, extra)]
    assert await mirrored.mirror.copy(audio) is Copied.COPIED
    assert await mirrored.copied(audio) == SOUND


async def test_damaged_bytes_are_not_spread(mirrored: Mirrored, relay: Relay, file: Path, aws_url: str) -> None:
    relay.cut()
    audio = await mirrored.saved(file)
    await mirrored.failed.wait()
    back(relay, mirrored)
    await asyncio.to_thread(
        mirrored.raw.s3.put_object, Bucket=mirrored.backend.bucket, Key=audio.object_key, Body=SOUND[:-1] + b"\0"
    )
    with pytest.raises(AudioDamagedError):
        await mirrored.mirror.copy(audio)
    assert await mirrored.copied(audio) is None


async def test_an_audio_that_ends_while_it_is_copied_leaves_no_copy(mirrored: Mirrored, file: Path) -> None:
    audio = await mirrored.saved(file)
    await mirrored.queue.drained()
    assert await mirrored.storage.delete_audio(audio.name)
    late = replace(audio)
    await mirrored.put(audio.object_key, b"")
    assert await mirrored.mirror.copy(late) is Copied.GONE


async def test_a_key_that_is_used_again_has_the_new_audios_copy(mirrored: Mirrored, relay: Relay, file: Path) -> None:
    first = await mirrored.saved(file, **RECORDING)
    await mirrored.queue.drained()
    await mirrored.storage.delete_audio(first.name)
    mirrored.clock.advance(timedelta(hours=1))
    await sweep(mirrored.retention)
    await mirrored.put(first.object_key, SOUND)  # a copy of the first that lands late
    second = await mirrored.saved(file, b"RIFF another", **RECORDING)
    await mirrored.queue.drained()
    assert await mirrored.copied(second) == b"RIFF another"


async def test_only_collections_that_are_named_are_mirrored(mirrored: Mirrored, file: Path) -> None:
    named = replace(mirrored.mirror, mirrored=("recordings",))
    guest, recording = await mirrored.saved(file), await mirrored.saved(file, **RECORDING)
    assert (named.wants(guest), named.wants(recording)) == (False, True)


async def test_a_mirror_that_cannot_be_read_at_all_is_told(mirrored: Mirrored, relay: Relay, file: Path) -> None:
    await mirrored.saved(file)
    await mirrored.queue.drained()
    relay.cut()
    with pytest.raises(BackendUnavailableError):
        await mirrored.differences()
    relay.mend()

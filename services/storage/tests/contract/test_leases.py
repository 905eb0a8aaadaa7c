"""Leases of erasers at keys that callers chose: taken on rows, kept by stores, asked for again by D4."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from mayfly_storage.domain.audio import Audio, Lease, State
from mayfly_storage.domain.ports import DeleteOutcome, Shard
from mayfly_storage.testing import SOUND, facts_of

if TYPE_CHECKING:
    from pathlib import Path

    from mayfly_storage.testing import Subject

KEY = "users/u-1/recordings/r-1/audio.m4a"
MINUTE = timedelta(minutes=1)


async def a_row(subject: Subject, **overrides: object) -> Audio:
    audio = subject.an_audio(**({"object_key": KEY, "claims_key": True} | overrides))
    await subject.catalog.reserve(audio, None)
    return audio


def a_lease(subject: Subject, holder: str = "me") -> Lease:
    return Lease(holder, subject.clock.now() + MINUTE)


async def marked(subject: Subject, audio: Audio, lease: Lease | None) -> Audio | None:
    [answer] = await subject.catalog.begin_delete([audio], subject.clock.now(), lease=lease)
    return answer


async def leased(subject: Subject, lease: Lease, **overrides: object) -> Audio:
    tombstone = await marked(subject, await a_row(subject, **overrides), lease)
    assert tombstone is not None
    return tombstone


async def row(subject: Subject, audio: Audio) -> Audio | None:
    return (await subject.catalog.get_many([audio.name])).get(audio.name)


async def test_d1_takes_the_lease_in_the_same_write(subject: Subject) -> None:
    audio, lease = await a_row(subject), a_lease(subject)

    tombstone = await marked(subject, audio, lease)

    assert tombstone == audio.tombstone(subject.clock.now(), lease)
    assert await row(subject, audio) == tombstone


async def test_a_key_with_an_audio_id_in_it_needs_no_lease(subject: Subject) -> None:
    audio = subject.an_audio()
    await subject.catalog.reserve(audio, None)

    tombstone = await marked(subject, audio, a_lease(subject))

    assert tombstone is not None
    assert tombstone.lease is None
    assert await row(subject, audio) == tombstone


async def test_nobody_else_gets_the_lease_until_it_has_ended(subject: Subject) -> None:
    tombstone = await leased(subject, a_lease(subject))

    assert await marked(subject, tombstone, a_lease(subject, "another")) is None
    assert await row(subject, tombstone) == tombstone
    subject.clock.advance(MINUTE)
    other = a_lease(subject, "another")

    assert await marked(subject, tombstone, other) == replace(tombstone, lease=other)
    assert await row(subject, tombstone) == replace(tombstone, lease=other)


async def test_taking_a_lease_twice_is_taking_it_once(subject: Subject) -> None:
    lease = a_lease(subject)
    tombstone = await leased(subject, lease)

    assert await marked(subject, tombstone, lease) == tombstone
    assert await row(subject, tombstone) == tombstone


async def test_of_many_who_want_the_lease_one_gets_it(subject: Subject) -> None:
    tombstone = await leased(subject, a_lease(subject))
    subject.clock.advance(MINUTE)
    wanted = [a_lease(subject, f"eraser {number}") for number in range(8)]

    answers = await asyncio.gather(*(marked(subject, tombstone, lease) for lease in wanted))

    [winner] = [answer for answer in answers if answer is not None]
    assert await row(subject, tombstone) == winner


async def test_a_leased_row_is_due_when_its_lease_has_ended(subject: Subject) -> None:
    lease = a_lease(subject)
    tombstone = await leased(subject, lease)

    before = await subject.catalog.list_due(lease.end - timedelta(seconds=1), shard=Shard(), limit=9)
    after = await subject.catalog.list_due(lease.end, shard=Shard(), limit=9)

    assert (list(before.items), list(after.items)) == ([], [tombstone])


@pytest.mark.parametrize("step", ["remove", "release", "mark_bytes_gone"])
async def test_who_has_lost_the_lease_changes_nothing_any_more(subject: Subject, step: str) -> None:
    slow = await leased(subject, a_lease(subject))
    subject.clock.advance(MINUTE)
    quick = await marked(subject, slow, a_lease(subject, "another"))

    await getattr(subject.catalog, step)([slow])
    await getattr(subject.catalog, step)([replace(slow, lease=None)])

    assert await row(subject, slow) == quick
    assert await subject.catalog.find_by_keys([KEY]) == {KEY: slow.name}


async def test_who_has_the_lease_removes_row_and_claim_even_when_it_has_ended(subject: Subject) -> None:
    tombstone = await leased(subject, a_lease(subject))
    subject.clock.advance(2 * MINUTE)

    await subject.catalog.remove([tombstone])

    assert await row(subject, tombstone) is None
    assert await subject.catalog.find_by_keys([KEY]) == {}


async def test_a_key_is_given_back_and_its_tombstone_stays(subject: Subject) -> None:
    tombstone = await leased(subject, a_lease(subject))

    await subject.catalog.release([tombstone])
    await subject.catalog.release([tombstone])
    successor = await a_row(subject)

    assert await row(subject, tombstone) == tombstone.released()
    assert await subject.catalog.find_by_keys([KEY]) == {KEY: successor.name}


async def test_a_tombstone_without_a_key_goes_and_leaves_the_next_owner_alone(subject: Subject) -> None:
    tombstone = await leased(subject, a_lease(subject))
    await subject.catalog.release([tombstone])
    successor = await a_row(subject)
    freed = tombstone.released()
    subject.clock.advance(MINUTE)

    assert await marked(subject, freed, a_lease(subject, "another")) == freed
    await subject.catalog.remove([tombstone])
    assert await row(subject, tombstone) == freed
    await subject.catalog.remove([freed])

    assert await row(subject, tombstone) is None
    assert await row(subject, successor) == successor
    assert await subject.catalog.find_by_keys([KEY]) == {KEY: successor.name}


async def test_what_is_not_a_tombstone_keeps_its_key(subject: Subject) -> None:
    audio = await a_row(subject)

    await subject.catalog.release([audio, replace(audio, state=State.DELETING), subject.an_audio(claims_key=True)])

    assert await row(subject, audio) == audio
    assert await subject.catalog.find_by_keys([KEY]) == {KEY: audio.name}


async def test_many_keys_are_given_back_in_one_call(subject: Subject) -> None:
    keys = [f"pitches/p-{n}/original_file.wav" for n in range(60)]
    tombstones = [await leased(subject, a_lease(subject), object_key=key) for key in keys]

    await subject.catalog.release([*tombstones, tombstones[0]])

    assert await subject.catalog.find_by_keys(keys) == {}


async def test_under_a_lease_whatever_lies_there_is_deleted(subject: Subject, tmp_path: Path) -> None:
    audio = await a_row(subject)
    (tmp_path / "body").write_bytes(SOUND)
    await subject.blobs.put_file(KEY, tmp_path / "body", facts_of(audio))

    outcomes = await subject.blobs.delete_until(subject.clock.now() + MINUTE, [KEY, "users/u-1/recordings/no/a.wav"])

    assert outcomes == [DeleteOutcome.DELETED] * 2
    assert await subject.blobs.present([KEY]) == set()


async def test_when_the_lease_is_over_nothing_is_deleted(subject: Subject, tmp_path: Path) -> None:
    audio = await a_row(subject)
    (tmp_path / "body").write_bytes(SOUND)
    await subject.blobs.put_file(KEY, tmp_path / "body", facts_of(audio))

    assert await subject.blobs.delete_until(subject.clock.now(), [KEY]) == [DeleteOutcome.FAILED]
    assert await subject.blobs.present([KEY]) == {KEY}


async def test_many_keys_are_deleted_under_one_lease(subject: Subject) -> None:
    keys = [f"users/u-1/recordings/r-{n}/audio.wav" for n in range(200)]

    outcomes = await subject.blobs.delete_until(subject.clock.now() + MINUTE, keys)

    assert outcomes == [DeleteOutcome.DELETED] * 200

"""D3's note and D4: how a tombstone goes, and its key claim with it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from mayfly_storage.domain.audio import Audio, State
from mayfly_storage.domain.errors import RequestSeenError
from mayfly_storage.testing import a_request

if TYPE_CHECKING:
    from mayfly_storage.testing import Subject

KEY = "users/u-1/recordings/r-1/audio.m4a"


async def a_tombstone(subject: Subject, **overrides: object) -> Audio:
    audio = subject.an_audio(**overrides)
    await subject.catalog.reserve(audio, None)
    [tombstone] = await subject.catalog.begin_delete([audio], subject.clock.now())
    assert tombstone is not None
    return tombstone


async def rows(subject: Subject, *audios: Audio) -> list[Audio | None]:
    found = await subject.catalog.get_many([audio.name for audio in audios])
    return [found.get(audio.name) for audio in audios]


async def test_a_tombstone_remembers_that_its_bytes_are_gone(subject: Subject) -> None:
    tombstone = await a_tombstone(subject)

    await subject.catalog.mark_bytes_gone([tombstone])
    await subject.catalog.mark_bytes_gone([tombstone])

    assert await rows(subject, tombstone) == [replace(tombstone, bytes_gone=True)]


async def test_only_this_attempts_tombstones_are_marked(subject: Subject) -> None:
    pending, tombstone, stranger = subject.an_audio(), await a_tombstone(subject), subject.an_audio()
    await subject.catalog.reserve(pending, None)

    await subject.catalog.mark_bytes_gone([pending, replace(tombstone, attempt="another"), stranger])

    assert await rows(subject, pending, tombstone, stranger) == [pending, tombstone, None]


async def test_a_removed_row_is_gone(subject: Subject) -> None:
    tombstone = await a_tombstone(subject)

    await subject.catalog.remove([tombstone])
    await subject.catalog.remove([tombstone])

    assert await rows(subject, tombstone) == [None]


async def test_a_row_is_removed_whether_or_not_its_mark_is_known_to_the_remover(subject: Subject) -> None:
    tombstone = await a_tombstone(subject)
    await subject.catalog.mark_bytes_gone([tombstone])

    await subject.catalog.remove([tombstone])

    assert await rows(subject, tombstone) == [None]


async def test_only_this_attempts_tombstones_are_removed(subject: Subject) -> None:
    ready, tombstone = subject.an_audio(object_key=KEY, claims_key=True), await a_tombstone(subject)
    await subject.catalog.reserve(ready, None)
    ready = await subject.catalog.make_ready(ready.ready(etag="tag"))

    await subject.catalog.remove([ready, replace(ready, state=State.DELETING), replace(tombstone, attempt="another")])

    assert await rows(subject, ready, tombstone) == [ready, tombstone]
    assert await subject.catalog.find_by_keys([KEY]) == {KEY: ready.name}


async def test_removing_gives_the_key_back(subject: Subject) -> None:
    tombstone = await a_tombstone(subject, object_key=KEY, claims_key=True)
    successor = subject.an_audio(object_key=KEY, claims_key=True)

    assert await subject.catalog.find_by_keys([KEY]) == {KEY: tombstone.name}
    await subject.catalog.remove([tombstone])
    assert await subject.catalog.find_by_keys([KEY]) == {}
    await subject.catalog.reserve(successor, None)

    assert await subject.catalog.find_by_keys([KEY]) == {KEY: successor.name}


async def test_a_late_remover_does_not_take_the_key_from_its_next_holder(subject: Subject) -> None:
    tombstone = await a_tombstone(subject, object_key=KEY, claims_key=True)
    await subject.catalog.remove([tombstone])
    successor = subject.an_audio(object_key=KEY, claims_key=True)
    await subject.catalog.reserve(successor, None)

    await subject.catalog.remove([tombstone])

    assert await subject.catalog.find_by_keys([KEY]) == {KEY: successor.name}
    assert await rows(subject, successor) == [successor]


async def test_a_request_outlives_its_row(subject: Subject) -> None:
    audio = subject.an_audio()
    request = a_request(audio)
    await subject.catalog.reserve(audio, request)
    [tombstone] = await subject.catalog.begin_delete([audio], subject.clock.now())
    assert tombstone is not None
    await subject.catalog.remove([tombstone])
    retry = subject.an_audio()

    with pytest.raises(RequestSeenError):
        await subject.catalog.reserve(retry, replace(request, name=retry.name))

    assert await subject.catalog.find_request(request.caller, request.request_id, subject.clock.now()) == request


async def test_many_rows_are_removed_in_one_call(subject: Subject) -> None:
    keys = [f"pitches/p-{n}/original_file.wav" for n in range(60)]
    tombstones = await asyncio.gather(*(a_tombstone(subject, object_key=key, claims_key=True) for key in keys))

    await subject.catalog.mark_bytes_gone(tombstones)
    await subject.catalog.remove([*tombstones, tombstones[0]])

    assert await rows(subject, *tombstones) == [None] * 60
    assert await subject.catalog.find_by_keys(keys) == {}

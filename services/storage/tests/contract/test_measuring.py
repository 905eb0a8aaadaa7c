"""How much is stored: what is readable or was, until its deletion begins."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from mayfly_storage.domain.audio import State
from mayfly_storage.domain.ports import Footprint
from mayfly_storage.testing import a_request

if TYPE_CHECKING:
    from mayfly_storage.testing import Subject


async def test_nothing_is_stored_at_first(subject: Subject) -> None:
    assert await subject.catalog.measure() == {}


async def test_ready_rows_count_by_collection_and_others_do_not(subject: Subject) -> None:
    facts = [("temp-audio", State.READY, 10), ("temp-audio", State.READY, 5), ("debug", State.READY, 2**40)]
    facts += [("temp-audio", State.PENDING, 1_000), ("pitches", State.DELETING, 1_000)]
    audios = [
        subject.an_audio(collection=collection, state=state, size_bytes=size, delete_time=subject.clock.now())
        for collection, state, size in facts
    ]

    await asyncio.gather(*(subject.catalog.reserve(audio, a_request(audio)) for audio in audios))

    assert await subject.catalog.measure() == {
        "temp-audio": Footprint(objects=2, size_bytes=15),
        "debug": Footprint(objects=1, size_bytes=2**40),
    }


async def test_what_has_expired_counts_until_its_deletion_begins(subject: Subject) -> None:
    audio = subject.an_audio(state=State.READY, expire_time=subject.clock.now(), size_bytes=7)
    await subject.catalog.reserve(audio, None)
    before = await subject.catalog.measure()

    await subject.catalog.begin_delete([audio], subject.clock.now())

    assert before == {"temp-audio": Footprint(objects=1, size_bytes=7)}
    assert await subject.catalog.measure() == {}

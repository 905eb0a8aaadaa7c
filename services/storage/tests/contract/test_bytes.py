"""W2, D2 and D3: bytes are written once, and reported gone only when they are."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from dataclasses import replace
from datetime import UTC, timedelta
from typing import TYPE_CHECKING

import pytest

from mayfly_storage.domain.errors import ContentMismatchError
from mayfly_storage.domain.ports import BlobTarget, DeleteOutcome, StoredBlob
from mayfly_storage.testing import SOUND, facts_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from mayfly_storage.domain.ports import BlobFacts, BlobStore
    from mayfly_storage.testing import Subject

    Put = Callable[[str, bytes, BlobFacts], Awaitable[StoredBlob]]

DELETED, CHANGED = DeleteOutcome.DELETED, DeleteOutcome.CHANGED


def a_blob(subject: Subject, body: bytes = SOUND, **overrides: object) -> tuple[str, bytes, BlobFacts]:
    """Key, body and facts of a new audio."""
    audio = subject.an_audio(body=body, **overrides)
    return audio.object_key, body, facts_of(audio)


async def test_the_store_says_which_one_it_is(subject: Subject) -> None:
    assert subject.blobs.location is subject.backend.stores.primary
    assert subject.backend.stores.of(subject.an_audio()).blobs is subject.blobs


async def test_what_was_put_is_there_as_it_was_put(subject: Subject, put: Put) -> None:
    key, body, facts = a_blob(subject)

    answered = await put(key, body, facts)
    found = await subject.head(key)

    assert found is not None
    assert (found.key, found.size_bytes, found.sha256) == (key, len(body), hashlib.sha256(body).digest())
    assert found.attempt in {facts.attempt, None}
    assert (answered.key, answered.size_bytes, answered.etag) == (key, len(body), found.etag)
    assert found.etag


async def test_the_store_dates_what_it_holds_by_its_own_clock(subject: Subject, put: Put) -> None:
    before = await subject.blobs.store_time()
    key, body, facts = a_blob(subject)
    await put(key, body, facts)

    found, after = await subject.blobs.head(key), await subject.blobs.store_time()

    # Stores round down to whole seconds, each on its own.
    assert found is not None
    assert before - timedelta(seconds=1) <= found.modified_time <= after + timedelta(seconds=1)
    assert before.tzinfo is UTC
    assert found.modified_time.utcoffset() == timedelta(0)


async def test_nothing_lies_at_a_key_that_was_never_put(subject: Subject) -> None:
    key, _, _ = a_blob(subject)

    assert await subject.blobs.head(key) is None
    assert await subject.blobs.present([key]) == set()


async def test_the_same_attempt_recognises_its_own_bytes(subject: Subject, put: Put) -> None:
    key, body, facts = a_blob(subject)
    first = await put(key, body, facts)

    again = await put(key, body, facts)

    assert again.etag == first.etag


async def test_a_key_is_written_once(subject: Subject, put: Put) -> None:
    key, body, facts = a_blob(subject)
    first = await put(key, body, facts)
    _, other, foreign = a_blob(subject, b"somebody else's")

    with pytest.raises(ContentMismatchError) as refused:
        await put(key, other, foreign)

    found = await subject.head(key)
    assert refused.value.field == "attempt"
    assert found is not None
    assert (found.etag, found.sha256) == (first.etag, facts.sha256)


async def test_of_racing_puts_of_one_attempt_all_are_answered_alike(subject: Subject, put: Put) -> None:
    key, body, facts = a_blob(subject)

    answers = await asyncio.gather(*(put(key, body, facts) for _ in range(16)))

    assert len({answer.etag for answer in answers}) == 1


async def test_of_racing_puts_of_different_bytes_one_wins(subject: Subject, put: Put) -> None:
    key, _, _ = a_blob(subject)
    rivals = [a_blob(subject, f"rival {n:02}".encode()) for n in range(16)]

    outcomes = await asyncio.gather(*(put(key, body, facts) for _, body, facts in rivals), return_exceptions=True)

    assert Counter(map(type, outcomes)) == {StoredBlob: 1, ContentMismatchError: 15}
    [winner] = [facts for (_, _, facts), outcome in zip(rivals, outcomes, strict=True) if type(outcome) is StoredBlob]
    found = await subject.head(key)
    assert found is not None
    assert found.sha256 == winner.sha256


async def test_keys_of_one_folder_can_be_put_at_the_same_time(subject: Subject, put: Put) -> None:
    blobs = [a_blob(subject, f"body {n}".encode(), object_key=f"a/new/folder/{n}.wav") for n in range(24)]

    await asyncio.gather(*(put(*blob) for blob in blobs))

    assert await subject.blobs.present([key for key, _, _ in blobs]) == {key for key, _, _ in blobs}


async def test_deleted_bytes_are_gone_and_stay_gone(subject: Subject, put: Put) -> None:
    key, body, facts = a_blob(subject)
    await put(key, body, facts)

    assert await subject.blobs.delete_many([BlobTarget(key=key)]) == [DELETED]
    assert await subject.blobs.head(key) is None
    assert await subject.blobs.delete_many([BlobTarget(key=key), BlobTarget(key=key, etag="x")]) == [DELETED, DELETED]


async def test_bytes_are_deleted_by_their_etag(subject: Subject, put: Put) -> None:
    key, body, facts = a_blob(subject)
    there = await put(key, body, facts)

    assert await subject.blobs.delete_many([BlobTarget(key=key, etag=there.etag)]) == [DELETED]
    assert await subject.blobs.present([key]) == set()


async def test_a_stale_etag_deletes_nothing(subject: Subject, put: Put) -> None:
    key, body, facts = a_blob(subject)
    old = await put(key, body, facts)
    await subject.blobs.delete_many([BlobTarget(key=key)])
    _, successor, its_facts = a_blob(subject, b"the next holder of the key")
    await put(key, successor, its_facts)

    assert await subject.blobs.delete_many([BlobTarget(key=key, etag=old.etag)]) == [CHANGED]
    found = await subject.head(key)
    assert found is not None
    assert found.sha256 == its_facts.sha256


async def test_a_key_can_be_put_again_after_its_deletion(subject: Subject, put: Put) -> None:
    key, body, facts = a_blob(subject, object_key="pitches/p-1/processed/only.wav")
    await put(key, body, facts)
    await subject.blobs.delete_many([BlobTarget(key=key)])

    await put(key, body, replace(facts, attempt="the next"))

    assert await subject.blobs.present([key]) == {key}


async def test_each_deletion_has_its_own_outcome_in_order(subject: Subject, put: Put) -> None:
    blobs = [a_blob(subject, f"body {n}".encode()) for n in range(4)]
    there = [await put(*blob) for blob in blobs]
    absent, _, _ = a_blob(subject)
    targets = [
        BlobTarget(key=there[0].key),
        BlobTarget(key=there[1].key, etag=there[0].etag),
        BlobTarget(key=absent),
        BlobTarget(key=there[2].key, etag=there[2].etag),
    ]

    assert await subject.blobs.delete_many(targets) == [DELETED, CHANGED, DELETED, DELETED]
    assert await subject.blobs.present([blob.key for blob in there]) == {there[1].key, there[3].key}
    assert await subject.blobs.delete_many([]) == []


async def test_racing_deletions_and_puts_in_one_folder_lose_nothing(subject: Subject, put: Put) -> None:
    old = [a_blob(subject, f"old {n}".encode(), object_key=f"busy/folder/old-{n}.wav") for n in range(12)]
    new = [a_blob(subject, f"new {n}".encode(), object_key=f"busy/folder/new-{n}.wav") for n in range(12)]
    await asyncio.gather(*(put(*blob) for blob in old))

    outcomes = await asyncio.gather(
        *(subject.blobs.delete_many([BlobTarget(key=key)]) for key, _, _ in old), *(put(*blob) for blob in new)
    )

    assert outcomes[:12] == [[DELETED]] * 12
    assert await subject.blobs.present([key for key, _, _ in old + new]) == {key for key, _, _ in new}


async def test_a_thousand_keys_are_deleted_and_looked_for_at_once(subject: Subject, put: Put) -> None:
    blobs = [a_blob(subject, f"body {n}".encode()) for n in range(10)]
    await asyncio.gather(*(put(*blob) for blob in blobs))
    keys = [key for key, _, _ in blobs] + [a_blob(subject)[0] for _ in range(990)]

    assert await subject.blobs.present(keys) == set(keys[:10])
    assert await subject.blobs.delete_many([BlobTarget(key=key) for key in keys]) == [DELETED] * 1000
    assert await subject.blobs.present(keys) == set()
    assert await subject.blobs.present([]) == set()


async def test_a_working_store_passes_its_check(blobs: BlobStore) -> None:
    assert await blobs.check() is None  # type: ignore[func-returns-value]

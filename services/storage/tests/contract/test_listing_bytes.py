"""The listing that finds orphans: in key order, complete, page by page."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from mayfly_storage.domain.errors import PageTokenInvalidError
from mayfly_storage.domain.ports import BlobTarget
from mayfly_storage.testing import facts_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from mayfly_storage.domain.ports import BlobFacts, BlobStore, StoredBlob
    from mayfly_storage.testing import Subject

    Put = Callable[[str, bytes, BlobFacts], Awaitable[StoredBlob]]

# A folder sorts as its name with the slash, and bytes sort as UTF-8: both are easy to get wrong.
KEYS = [
    "temp-audio/2026-01-15/0.wav",
    "temp-audio/2026-01-15/a-b.wav",
    "temp-audio/2026-01-15/a.wav",
    "temp-audio/2026-01-15/a/b.wav",
    "temp-audio/2026-01-15/a/c/d.wav",
    "temp-audio/2026-01-15/a0.wav",
    "temp-audio/2026-01-15/ab.wav",
    "temp-audio/2026-01-15/Z.wav",
    "temp-audio/2026-01-15/\N{LATIN SMALL LETTER E WITH ACUTE}.wav",
    "temp-audio/2026-01-15/\N{FULLWIDTH TILDE}.wav",
    "temp-audio/2026-01-15/\N{SLIGHTLY SMILING FACE}.wav",
    "temp-audio/2026-01-16/1.wav",
    "temp-audio-2/other.wav",
    "users/u/recordings/r/audio.m4a",
]


def in_key_order(keys: Iterable[str]) -> list[str]:
    return sorted(keys, key=str.encode)


async def put_all(subject: Subject, put: Put, keys: list[str]) -> dict[str, StoredBlob]:
    audios = [subject.an_audio(object_key=key, body=key.encode()) for key in keys]
    stored = await asyncio.gather(
        *(put(audio.object_key, audio.object_key.encode(), facts_of(audio)) for audio in audios)
    )
    return {blob.key: blob for blob in stored}


async def list_all(blobs: BlobStore, prefix: str, *, limit: int) -> list[StoredBlob]:
    found: list[StoredBlob] = []
    cursor = ""
    while True:
        page = await blobs.list_blobs(prefix, limit=limit, cursor=cursor)
        assert len(page.blobs) <= limit
        found += page.blobs
        if not (cursor := page.cursor):
            return found


@pytest.mark.parametrize("limit", [1, 3, 100])
async def test_a_listing_holds_each_key_once_and_in_order(subject: Subject, put: Put, limit: int) -> None:
    await put_all(subject, put, KEYS)

    found = await list_all(subject.blobs, "", limit=limit)

    assert [blob.key for blob in found] == in_key_order(KEYS)


@pytest.mark.parametrize(
    "prefix",
    [
        "temp-audio/",
        "temp-audio",
        "temp-audio/2026-01-15/a",
        "temp-audio/2026-01-15/a/",
        "temp-audio/2026-01-15/a.wav",
        "u",
    ],
)
@pytest.mark.parametrize("limit", [1, 100])
async def test_a_listing_keeps_to_its_prefix(subject: Subject, put: Put, prefix: str, limit: int) -> None:
    await put_all(subject, put, KEYS)

    found = await list_all(subject.blobs, prefix, limit=limit)

    assert [blob.key for blob in found] == in_key_order(key for key in KEYS if key.startswith(prefix))


@pytest.mark.parametrize("prefix", ["nothing/", "temp-audio/1999", "temp-audio/2026-01-15/a.wav/x"])
async def test_a_prefix_without_objects_has_one_empty_page(subject: Subject, put: Put, prefix: str) -> None:
    await put_all(subject, put, KEYS)

    page = await subject.blobs.list_blobs(prefix, limit=10)

    assert (page.blobs, page.cursor) == ((), "")


async def test_a_listing_knows_size_etag_and_time(subject: Subject, put: Put) -> None:
    stored = await put_all(subject, put, KEYS[:3])

    page = await subject.blobs.list_blobs("temp-audio/", limit=10)

    assert {blob.key: (blob.size_bytes, blob.etag) for blob in page.blobs} == {
        key: (blob.size_bytes, blob.etag) for key, blob in stored.items()
    }
    heads = [await subject.blobs.head(blob.key) for blob in page.blobs]
    assert [blob.modified_time.replace(microsecond=0) for blob in page.blobs] == [
        head.modified_time.replace(microsecond=0) for head in heads if head
    ]


async def test_a_page_was_read_after_the_store_time_it_states(subject: Subject, put: Put) -> None:
    before = await subject.blobs.store_time()
    await put_all(subject, put, KEYS[:1])

    page = await subject.blobs.list_blobs("", limit=10)

    assert before <= page.store_time <= await subject.blobs.store_time()


async def test_a_listing_goes_on_when_the_keys_before_its_cursor_are_deleted(subject: Subject, put: Put) -> None:
    await put_all(subject, put, KEYS)
    first = await subject.blobs.list_blobs("", limit=5)
    await subject.blobs.delete_many([BlobTarget(key=blob.key) for blob in first.blobs])

    rest = await subject.blobs.list_blobs("", limit=100, cursor=first.cursor)
    anew = await list_all(subject.blobs, "", limit=4)

    expected = in_key_order(KEYS)[5:]
    assert [blob.key for blob in rest.blobs] == expected
    assert [blob.key for blob in anew] == expected


@pytest.mark.parametrize("cursor", ["nonsense", "e30", "é", "eyJ4IjogMX0="])
async def test_a_foreign_cursor_is_refused(subject: Subject, put: Put, cursor: str) -> None:
    await put_all(subject, put, KEYS[:2])

    with pytest.raises(PageTokenInvalidError):
        await subject.blobs.list_blobs("", limit=10, cursor=cursor)

"""Reading bytes, a piece at a time: the right ones, or none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mayfly_storage.domain.ports import BlobTarget
from mayfly_storage.testing import SOUND, facts_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from mayfly_storage.domain.ports import BlobFacts, StoredBlob
    from mayfly_storage.testing import Subject

    Put = Callable[[str, bytes, BlobFacts], Awaitable[StoredBlob]]

SIZE = len(SOUND)


async def stored(subject: Subject, put: Put, body: bytes = SOUND, **overrides: object) -> StoredBlob:
    audio = subject.an_audio(body=body, **overrides)
    return await put(audio.object_key, body, facts_of(audio))


@pytest.mark.parametrize(
    ("offset", "length"), [(0, SIZE), (0, 1), (5, 10), (SIZE - 1, 1), (SIZE - 3, 100), (0, 10 * SIZE)]
)
async def test_a_piece_is_what_was_put_there(subject: Subject, put: Put, offset: int, length: int) -> None:
    blob = await stored(subject, put)

    piece = await subject.blobs.read(blob.key, offset=offset, length=length)

    assert piece == SOUND[offset : offset + length]


async def test_behind_the_end_is_nothing(subject: Subject, put: Put) -> None:
    blob = await stored(subject, put)

    assert await subject.blobs.read(blob.key, offset=SIZE, length=1) == b""
    assert await subject.blobs.read(blob.key, offset=10 * SIZE, length=5) == b""


async def test_many_pieces_are_the_whole(subject: Subject, put: Put) -> None:
    blob = await stored(subject, put, bytes(range(256)) * 1_000)

    pieces = [
        await subject.blobs.read(blob.key, etag=blob.etag, offset=at, length=10**5) for at in (0, 10**5, 2 * 10**5)
    ]

    assert b"".join(piece or b"" for piece in pieces) == bytes(range(256)) * 1_000


async def test_where_nothing_lies_there_is_no_piece(subject: Subject, put: Put) -> None:
    blob = await stored(subject, put)
    await subject.blobs.delete_many([BlobTarget(key=blob.key)])

    assert await subject.blobs.read(blob.key, offset=0, length=1) is None
    assert await subject.blobs.read("temp-audio/2026-01-15/never.wav", etag=blob.etag, offset=0, length=1) is None


async def test_other_bytes_at_the_key_are_not_read(subject: Subject, put: Put) -> None:
    key = "users/u1/recordings/r1/audio.wav"
    old = await stored(subject, put, b"the first owner's", object_key=key)
    await subject.blobs.delete_many([BlobTarget(key=key)])
    new = await stored(subject, put, b"the second owner's", object_key=key)

    assert await subject.blobs.read(key, etag=old.etag, offset=0, length=100) is None
    assert await subject.blobs.read(key, etag=new.etag, offset=0, length=100) == b"the second owner's"

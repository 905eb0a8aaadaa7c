"""ReadAudio: bytes as they are asked for, while the audio lives."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest

from mayfly_storage.domain.audio import Location
from mayfly_storage.domain.errors import AudioNotFoundError, BackendUnavailableError
from mayfly_storage.domain.uploads import Subject
from mayfly_storage.usecases.downloading import CHUNK_BYTES, PIECE_BYTES

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from mayfly_storage.domain.audio import Audio
    from mayfly_storage.testing.stage import Stage

HOUR = timedelta(hours=1)
BODY = bytes(range(256)) * 256 * 40  # two pieces and a half
CHOSEN: dict[str, Any] = {
    "collection": "recordings",
    "content_type": "audio/wav",
    "key_fields": {"recording_id": "r1"},
    "subject": Subject(user_id="u1"),
}


def read(stage: Stage, audio: Audio, *, offset: int = 0, limit: int = 0) -> AsyncGenerator[bytes, None]:
    chunks = stage.storage.read_audio(audio, offset=offset, limit=limit)
    return cast("AsyncGenerator[bytes, None]", chunks)


async def whole(stage: Stage, audio: Audio, *, offset: int = 0, limit: int = 0) -> list[bytes]:
    return [chunk async for chunk in read(stage, audio, offset=offset, limit=limit)]


class Reads:
    """Counts what is asked of the store."""

    def __init__(self, stage: Stage) -> None:
        self.count = 0
        self._read, stage.memory.blobs.read = stage.memory.blobs.read, self  # type: ignore[method-assign] # a spy

    async def __call__(self, key: str, **facts: Any) -> bytes | None:
        self.count += 1
        return await self._read(key, **facts)


@pytest.mark.parametrize("size", [1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, PIECE_BYTES, len(BODY)])
async def test_all_bytes_come_in_chunks_of_64_kib(stage: Stage, size: int) -> None:
    audio = await stage.saved(BODY[:size])

    chunks = await whole(stage, audio)

    assert b"".join(chunks) == BODY[:size]
    assert {len(chunk) for chunk in chunks[:-1]} <= {CHUNK_BYTES}
    assert 1 <= len(chunks[-1]) <= CHUNK_BYTES


@pytest.mark.parametrize(
    ("offset", "limit"),
    [(0, 1), (5, 0), (5, 10), (CHUNK_BYTES - 1, 2), (PIECE_BYTES - 1, PIECE_BYTES + 2), (len(BODY) - 1, 0)],
)
async def test_a_part_is_that_part(stage: Stage, offset: int, limit: int) -> None:
    audio = await stage.saved(BODY)

    assert (
        b"".join(await whole(stage, audio, offset=offset, limit=limit)) == BODY[offset : offset + (limit or len(BODY))]
    )


@pytest.mark.parametrize(("offset", "limit"), [(len(BODY), 0), (2 * len(BODY), 5), (2**62, 2**62)])
async def test_behind_the_end_is_no_chunk(stage: Stage, offset: int, limit: int) -> None:
    assert await whole(stage, await stage.saved(BODY), offset=offset, limit=limit) == []


async def test_the_store_is_asked_for_no_more_than_the_reader_takes(stage: Stage) -> None:
    audio, reads = await stage.saved(BODY), Reads(stage)

    async with aclosing(read(stage, audio)) as chunks:
        assert reads.count == 0
        for _ in range(PIECE_BYTES // CHUNK_BYTES):
            await anext(chunks)
        assert reads.count == 1
        await anext(chunks)
        assert reads.count == 2

    assert reads.count == 2


async def test_the_end_of_the_audio_ends_the_download_between_two_chunks(stage: Stage) -> None:
    audio = await stage.saved(BODY, ttl=HOUR)

    async with aclosing(read(stage, audio)) as chunks:
        await anext(chunks)
        stage.clock.advance(HOUR)
        with pytest.raises(AudioNotFoundError):
            await anext(chunks)


async def test_an_end_that_was_moved_meanwhile_counts(stage: Stage) -> None:
    audio = await stage.saved(BODY, ttl=HOUR)

    async with aclosing(read(stage, audio)) as chunks:
        received = [await anext(chunks)]
        await stage.storage.retain_audio(audio.name, expire_time=None, ttl=3 * HOUR)
        stage.clock.advance(2 * HOUR)
        received += [chunk async for chunk in chunks]

    assert b"".join(received) == BODY


async def test_a_deletion_ends_the_download_with_the_piece_that_was_read(stage: Stage) -> None:
    audio = await stage.saved(BODY)
    received = []

    async with aclosing(read(stage, audio)) as chunks:
        received.append(await anext(chunks))
        await stage.storage.delete_audio(audio.name)
        with pytest.raises(AudioNotFoundError):
            received += [chunk async for chunk in chunks]

    assert len(b"".join(received)) <= PIECE_BYTES


async def test_the_next_owner_of_a_chosen_key_is_not_read(stage: Stage) -> None:
    old = await stage.saved(BODY, **CHOSEN)

    async with aclosing(read(stage, old)) as chunks:
        received = [await anext(chunks)]
        stage.memory.catalog.rows.clear()
        stage.memory.catalog.claims.clear()
        stage.memory.blobs.objects.clear()
        new = await stage.saved(bytes(len(BODY)), **CHOSEN)
        with pytest.raises(AudioNotFoundError):
            received += [chunk async for chunk in chunks]

    assert new.object_key == old.object_key
    assert BODY.startswith(b"".join(received))


@pytest.mark.parametrize("left", [None, b"", BODY[:-1]])
async def test_bytes_that_are_missing_are_no_download(
    stage: Stage, left: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    audio = await stage.saved(BODY)
    item = stage.memory.blobs.objects.pop(audio.object_key)
    if left is not None:
        stage.memory.blobs.objects[audio.object_key] = type(item)(
            blob=item.blob, content_type=item.content_type, body=left
        )

    with pytest.raises(AudioNotFoundError):
        await whole(stage, audio)

    assert "download.bytes_missing" in caplog.messages


async def test_a_store_that_does_not_answer_is_no_missing_audio(stage: Stage) -> None:
    audio = await stage.saved(BODY)
    stage.memory.blobs.failure = BackendUnavailableError("memory")

    with pytest.raises(BackendUnavailableError):
        await whole(stage, audio)


async def test_audio_in_a_store_that_this_process_does_not_have_is_not_found(stage: Stage) -> None:
    audio = replace(await stage.saved(BODY), location=Location.S3)

    with pytest.raises(AudioNotFoundError):
        await whole(stage, audio)

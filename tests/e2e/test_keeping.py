"""Keeping, ending, forgetting and counting audio, and its bytes without HTTP: real processes, both backends."""

from __future__ import annotations

import asyncio
import hashlib
from contextlib import aclosing, suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from mayfly_client import AsyncClient, Audio, AudioNotFoundError, InvalidRequestError, PreconditionError, SweepState
from tests.waiting import is_gone, sweep, until

if TYPE_CHECKING:
    from pathlib import Path

SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
DATA = bytes(range(256)) * 12_000  # three pieces of a download, about


async def save(client: AsyncClient, data: bytes = DATA, **options: object) -> Audio:
    facts = {"collection": "temp-audio", "content_type": "audio/wav", **options}
    return await client.save(data, **facts)  # type: ignore[arg-type] # options of save


async def recording(client: AsyncClient, data: bytes = DATA) -> Audio:
    """Kept until it is deleted, at a key that its writer chose."""
    return await save(client, data, collection="recordings", user_id="keeper", key_fields={"recording_id": uuid4().hex})


async def moved(client: AsyncClient) -> tuple[Audio, Audio]:
    """An audio that would have ended soon, before and after its end was moved; on a slow machine, soon is later."""
    for seconds in (2, 8, 32):
        with suppress(AudioNotFoundError, PreconditionError):  # it ended before it was stored, or moved
            kept = await save(client, ttl=seconds * SECOND)
            return kept, await client.retain(kept.name, ttl=HOUR)
    pytest.fail("an audio ended within 32 s, before its end was moved")


async def test_bytes_come_over_grpc_as_they_were_saved(client: AsyncClient, tmp_path: Path) -> None:
    audio = await save(client)

    path = await client.download_stream(audio.name, tmp_path / "audio.wav")
    part = b"".join([chunk async for chunk in client.stream_audio(audio.name, offset=1_048_570, limit=70_000)])

    assert await asyncio.to_thread(path.read_bytes) == DATA
    assert part == DATA[1_048_570:1_118_570]
    assert hashlib.sha256(DATA).digest() == audio.sha256


async def test_a_chosen_key_is_read_over_grpc_too(client: AsyncClient) -> None:
    audio = await recording(client)

    assert await client.download_stream(audio.name) == DATA


async def test_a_reader_that_goes_away_leaves_storage_as_it_was(client: AsyncClient) -> None:
    audio = await save(client)

    for _ in range(40):
        async with aclosing(client.stream_audio(audio.name)) as chunks:
            await anext(chunks)

    assert await client.download_stream(audio.name) == DATA
    assert await client.delete(audio.name)


async def test_a_download_ends_with_the_deletion_of_its_audio(client: AsyncClient) -> None:
    audio = await save(client)
    await client.delete(audio.name)

    with pytest.raises(AudioNotFoundError):
        await client.download_stream(audio.name)


async def test_an_audio_that_is_kept_outlives_its_first_end_and_a_sweep(client: AsyncClient) -> None:
    kept, lasting = await moved(client)
    first_end, second_end = kept.expire_time, lasting.expire_time
    assert first_end is not None
    assert second_end is not None

    async def is_over() -> bool:
        return datetime.now(UTC) > first_end

    await until(is_over)
    report = await sweep(client)

    assert report.state is SweepState.CLEAN
    assert HOUR <= second_end - lasting.create_time < HOUR + timedelta(minutes=1)
    assert await client.get(kept.name) == lasting
    assert await client.download(kept.name) == DATA


async def test_an_audio_that_is_ended_sooner_is_gone_then_and_swept(client: AsyncClient) -> None:
    audio, lasting = await save(client), await recording(client)

    await client.retain(audio.name, ttl=SECOND)
    ended = await client.retain(lasting.name, ttl=SECOND)
    await until(lambda: is_gone(client, audio))
    await until(lambda: is_gone(client, lasting))
    await sweep(client)

    assert lasting.expire_time is None
    assert ended.expire_time is not None
    with pytest.raises(AudioNotFoundError):
        await client.retain(audio.name, ttl=HOUR)
    # The key is the row's until no late PUT can land any more; the user's list is empty at once.
    assert lasting.name not in [each.name async for each in client.list(collection="recordings")]


async def test_no_wish_goes_past_the_limit(client: AsyncClient) -> None:
    audio, lasting = await save(client), await recording(client)

    day = await client.retain(audio.name, ttl=365 * DAY)
    century = await client.retain(lasting.name, ttl=200 * 365 * DAY)

    assert day.expire_time == audio.create_time + DAY
    assert century.expire_time == lasting.create_time + 36_525 * DAY
    with pytest.raises(InvalidRequestError):
        await client.retain(audio.name, expire_time=audio.create_time)


@pytest.mark.parametrize("subject", [{"user_id": "anna-forgotten"}, {"guest_address": "203.0.113.77"}])
async def test_a_person_is_forgotten(client: AsyncClient, subject: dict[str, str]) -> None:
    theirs = [await save(client, b"RIFF" + bytes([number]), **subject) for number in range(3)]
    another = await save(client, b"RIFF", user_id="otto")

    forgotten = await client.forget(**subject)  # type: ignore[arg-type] # one of its arguments

    assert sorted(forgotten.deleted_names) == sorted(audio.name for audio in theirs)
    assert forgotten.remaining == 0
    assert [await is_gone(client, audio) for audio in (*theirs, another)] == [True, True, True, False]
    assert (await client.forget(**subject)).deleted_names == ()  # type: ignore[arg-type] # as above


async def test_usage_follows_what_is_saved_and_deleted(client: AsyncClient) -> None:
    async def comes_to_hold(objects: int, size_bytes: int) -> bool:
        async def holds() -> bool:
            found = [(each.objects, each.size_bytes) for each in await client.usage("debug")]
            return found == ([(objects, size_bytes)] if objects else [])

        # A count is answered again for a while, so that asking often costs little.
        await until(holds)
        return await holds()

    assert await comes_to_hold(0, 0)
    audios = [
        await save(client, collection="debug", key_fields={"kind": "input", "request_id": str(uuid4())})
        for _ in range(2)
    ]
    assert await comes_to_hold(2, 2 * len(DATA))
    for audio in audios:
        await client.delete(audio.name)

    assert await comes_to_hold(0, 0)

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from mayfly_client import (
    Audio,
    AudioNotFoundError,
    CollectionUsage,
    Forgotten,
    InvalidRequestError,
    UnavailableError,
)

if TYPE_CHECKING:
    from pathlib import Path

    from mayfly_client.testing import FakeMayfly

DATA = bytes(range(256)) * 1_024  # four chunks
HOUR = timedelta(hours=1)


async def save(mayfly: Any, data: bytes = DATA, **options: Any) -> Audio:
    found = await mayfly.call("save", data, **{"collection": "temp-audio", "content_type": "audio/wav", **options})
    assert isinstance(found, Audio)
    return found


@pytest.mark.parametrize("life", [{"ttl": 2 * HOUR}, {"ttl": 7_200}, {"expire_time": "in two hours"}])
async def test_an_end_moves(mayfly: Any, fake: FakeMayfly, life: dict[str, Any]) -> None:
    audio, end = await save(mayfly, ttl=HOUR), fake.clock.now() + 2 * HOUR
    life = {"expire_time": end} if "expire_time" in life else life

    kept = await mayfly.call("retain", audio.name, **life)

    assert kept.expire_time == end
    assert kept == await mayfly.call("get", audio.name)


async def test_an_end_does_not_move_past_the_collections_limit(mayfly: Any, fake: FakeMayfly) -> None:
    audio = await save(mayfly, ttl=2 * HOUR)
    fake.clock.advance(HOUR)

    kept = await mayfly.call("retain", audio.name, ttl=timedelta(days=9))

    assert kept.expire_time == audio.create_time + timedelta(days=1)


async def test_what_has_ended_is_not_brought_back(mayfly: Any, fake: FakeMayfly) -> None:
    audio = await save(mayfly, ttl=HOUR)
    fake.clock.advance(HOUR)

    with pytest.raises(AudioNotFoundError):
        await mayfly.call("retain", audio.name, ttl=HOUR)


@pytest.mark.parametrize("life", [{}, {"ttl": HOUR, "expire_time": datetime.now(UTC)}])
async def test_exactly_one_end_is_given(mayfly: Any, life: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="give ttl or expire_time"):
        await mayfly.call("retain", "audio/x", **life)


async def test_an_end_in_the_past_is_refused(mayfly: Any, fake: FakeMayfly) -> None:
    audio = await save(mayfly)

    with pytest.raises(InvalidRequestError) as caught:
        await mayfly.call("retain", audio.name, expire_time=fake.clock.now())

    assert [violation.field for violation in caught.value.violations] == ["expire_time"]


@pytest.mark.parametrize("subject", [{"user_id": "anna"}, {"guest_address": "203.0.113.7"}])
async def test_a_person_is_forgotten_and_nobody_else(mayfly: Any, subject: dict[str, str]) -> None:
    names = sorted([(await save(mayfly, **subject)).name for _ in range(2)])
    other = await save(mayfly, user_id="otto")

    forgotten = await mayfly.call("forget", **subject)

    assert forgotten == Forgotten(deleted_names=tuple(names), remaining=0)
    assert [audio.name for audio in await mayfly.collect("list")] == [other.name]
    assert await mayfly.call("forget", **subject) == Forgotten(deleted_names=(), remaining=0)


@pytest.mark.parametrize("subject", [{}, {"user_id": "anna", "guest_address": "203.0.113.7"}])
async def test_exactly_one_person_is_given(mayfly: Any, subject: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="give user_id or guest_address"):
        await mayfly.call("forget", **subject)


async def test_usage_counts_by_collection(mayfly: Any) -> None:
    await save(mayfly)
    await save(mayfly, b"RIFF", collection="pitches", key_fields={"pitch_id": "p1"})

    found = await mayfly.call("usage")

    assert found == [
        CollectionUsage(collection="pitches", objects=1, size_bytes=4, monthly_cost=0.0),
        CollectionUsage(collection="temp-audio", objects=1, size_bytes=len(DATA), monthly_cost=0.0),
    ]
    assert await mayfly.call("usage", "pitches") == found[:1]
    assert (found.monthly_cost, found.shared_costs) == (0.0, {})
    assert found.count_time is not None
    with pytest.raises(InvalidRequestError) as caught:
        await mayfly.call("usage", "nothing")
    assert caught.value.reason == "COLLECTION_UNKNOWN"


@pytest.mark.parametrize(("offset", "limit"), [(0, None), (5, None), (65_530, 20), (0, 0), (len(DATA) + 1, None)])
async def test_bytes_come_without_http(mayfly: Any, offset: int, limit: int | None) -> None:
    audio = await save(mayfly)

    chunks = await mayfly.collect("stream_audio", audio.name, offset=offset, limit=limit)

    assert b"".join(chunks) == DATA[offset : None if limit is None else offset + limit]
    assert max(map(len, chunks), default=0) <= 65_536


async def test_a_stream_of_what_is_gone_is_refused(mayfly: Any, fake: FakeMayfly) -> None:
    audio = await save(mayfly)
    fake.clock.advance(timedelta(days=1))

    with pytest.raises(AudioNotFoundError):
        await mayfly.collect("stream_audio", audio.name)


async def test_a_download_without_http_is_checked_and_whole(mayfly: Any, tmp_path: Path) -> None:
    audio, seen = await save(mayfly), []

    path = await mayfly.call("download_stream", audio.name, tmp_path, progress=lambda *step: seen.append(step))

    assert path == tmp_path / audio.file_name
    assert path.read_bytes() == await mayfly.call("download_stream", audio.name) == DATA
    assert seen[-1] == (len(DATA), len(DATA))


async def test_a_download_that_breaks_off_begins_again(mayfly: Any, fake: FakeMayfly) -> None:
    audio = await save(mayfly)
    fake.refuse("DownloadAudio", grpc.StatusCode.UNAVAILABLE, "BACKEND_UNAVAILABLE", times=5)

    assert await mayfly.call("download_stream", audio.name) == DATA
    assert [call.method for call in fake.calls].count("DownloadAudio") == 6


async def test_a_storage_that_stays_away_is_told(mayfly: Any, fake: FakeMayfly) -> None:
    audio = await save(mayfly)
    fake.refuse("DownloadAudio", grpc.StatusCode.UNAVAILABLE, "BACKEND_UNAVAILABLE", times=40)

    with pytest.raises(UnavailableError):
        await mayfly.call("download_stream", audio.name)

"""A guest's quota, through all processes: exact however many ask at once, and refused before anything is spoken."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from mayfly_client import QuotaExceededError
from tests.one_day import in_one_day

if TYPE_CHECKING:
    from mayfly_client import AsyncClient
    from tests.conftest import Stack

DAILY = 200_000
"""Characters of a guest in a day, as temp-audio ships."""
NUMBERS = itertools.count(101)


def a_guest() -> str:
    """One who has used nothing yet."""
    return f"198.51.100.{next(NUMBERS)}"


@in_one_day
async def test_a_guest_beyond_the_quota_is_told_how_much_and_until_when(client: AsyncClient, stack: Stack) -> None:
    guest = a_guest()
    await client.reserve_quota("temp-audio", characters=DAILY - 10, guest_address=guest)

    with pytest.raises(QuotaExceededError) as refused:
        await client.speak("This is more than ten characters.", guest_address=guest)

    error = refused.value
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    assert error.domain == "synth.mayfly"
    assert (error.quota, error.limit, error.used) == ("characters_per_day", DAILY, DAILY - 10)
    assert error.reset_time == tomorrow
    assert error.retry_after is not None
    assert timedelta(0) < error.retry_after <= timedelta(days=1)
    assert [audio async for audio in client.list(guest_address=guest)] == []
    assert guest not in repr(error) + stack.logs()


@in_one_day
async def test_a_stream_for_a_guest_beyond_the_quota_is_refused_too(client: AsyncClient) -> None:
    guest = a_guest()
    await client.reserve_quota("temp-audio", characters=DAILY, guest_address=guest)

    with pytest.raises(QuotaExceededError):
        _ = [item async for item in client.stream_speech("Hello there.", guest_address=guest)]

    await client.speak("Others are heard.", guest_address=a_guest())


@in_one_day
async def test_of_64_reservations_at_once_exactly_ten_fit(client: AsyncClient) -> None:
    guest = a_guest()

    async def outcome() -> str:
        try:
            await client.reserve_quota("temp-audio", characters=DAILY // 10, guest_address=guest)
        except QuotaExceededError as refused:
            return refused.quota
        return "reserved"

    outcomes = await asyncio.gather(*(outcome() for _ in range(64)))

    assert Counter(outcomes) == {"reserved": 10, "characters_per_day": 54}


@in_one_day
async def test_an_upload_around_the_reservation_is_counted_as_well(client: AsyncClient) -> None:
    guest = a_guest()
    await client.reserve_quota("temp-audio", size_bytes=1024**3 - 3, guest_address=guest)

    await client.save(b"abc", collection="temp-audio", content_type="audio/wav", guest_address=guest)
    with pytest.raises(QuotaExceededError) as refused:
        await client.create_upload(
            collection="temp-audio",
            content_type="audio/wav",
            size_bytes=1,
            sha256=hashlib.sha256(b"x").digest(),
            guest_address=guest,
        )

    assert (refused.value.quota, refused.value.used) == ("bytes_per_day", 1024**3)

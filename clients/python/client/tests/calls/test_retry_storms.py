"""A server that fails every call is not asked four times as often: retries end where most calls fail."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import grpc
import pytest

from mayfly_client import AsyncClient, UnavailableError

if TYPE_CHECKING:
    from mayfly_client.testing import FakeMayfly

CALLS = 400
CALLERS = 20
NAME = "audio/2025-12-08/x"


@pytest.mark.parametrize("method", ["GetAudio", "Synthesize"])
async def test_a_server_that_fails_every_call_gets_hardly_more_of_them_than_there_are(
    fake: FakeMayfly, method: str
) -> None:
    fake.refuse(method, grpc.StatusCode.UNAVAILABLE, "BACKEND_UNAVAILABLE", times=CALLS * 4)
    numbers = iter(range(CALLS))

    async def caller(client: AsyncClient) -> int:
        failed = 0
        for _ in numbers:
            with pytest.raises(UnavailableError):
                await (client.get(NAME) if method == "GetAudio" else client.speak("Hello."))
            failed += 1
        return failed

    async with AsyncClient(storage=fake.storage, synth=fake.synth, timeout=20) as client:
        failed = await asyncio.gather(*(caller(client) for _ in range(CALLERS)))

    assert sum(failed) == CALLS
    assert CALLS <= len(fake.calls) <= CALLS * 1.2


async def test_where_most_calls_succeed_a_failure_is_tried_again(fake: FakeMayfly) -> None:
    async with AsyncClient(storage=fake.storage, synth=fake.synth, timeout=20) as client:
        for _ in range(30):
            fake.refuse("ListVoices", grpc.StatusCode.UNAVAILABLE, "", times=1)
            assert await client.voices()
            for _ in range(10):
                await client.voices()

    assert len(fake.calls) == 30 * 12

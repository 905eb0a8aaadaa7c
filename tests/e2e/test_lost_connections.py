"""A replica's connection breaks with many calls on it: each of them is answered by the other replica."""

from __future__ import annotations

import asyncio
from itertools import islice
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from mayfly_client import AsyncClient
from mayfly_client.testing import FakeMayfly
from mayfly_storage.testing.relay import relay_to
from tests.waiting import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator

LOST = 45
"""Below half of the retry budget, where retries end: what fails then is a server, not a replica."""


@pytest.fixture
def steady() -> Iterator[FakeMayfly]:
    with FakeMayfly() as fake:
        yield fake


@pytest.fixture
def broken() -> Iterator[FakeMayfly]:
    with FakeMayfly() as fake:
        yield fake


async def test_many_calls_on_one_lost_connection_are_all_answered(steady: FakeMayfly, broken: FakeMayfly) -> None:
    async with relay_to(f"http://{broken.synth}") as relay:
        both = f"ipv4:{steady.synth},{urlsplit(relay.url).netloc}"
        async with AsyncClient(synth=both, timeout=PATIENCE) as client:
            while not (steady.calls and broken.calls):  # connected to both
                await client.voices()
            relay.hang()

            # Taken in turn, so that every second call waits on the connection that breaks.
            calls = [asyncio.create_task(client.speak("Hello.")) for _ in range(2 * LOST)]
            for answered in islice(asyncio.as_completed(calls, timeout=PATIENCE), LOST):
                await answered
            relay.cut()
            await asyncio.gather(*calls)

    assert [call.method for call in steady.calls].count("Synthesize") == 2 * LOST

"""R7 and R11: five sweepers at once, some of them killed, while callers save and delete; real processes, both backends.

For longer: `python -m pytest tests/e2e/test_overlapping_sweepers.py --overlap-seconds=1800 --timeout=0`.
"""

from __future__ import annotations

import asyncio
import random
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mayfly_client import AsyncClient, Audio, AudioNotFoundError
from tools.stack.programs import sweeper

if TYPE_CHECKING:
    from tests.conftest import Stack

SWEEPERS, SAVERS = 5, 3
KILLED = -9
FINE = {0, 1}
"""Clean; or something was another sweeper's in that moment, and is left to the next."""


@dataclass
class Told:
    """What callers were told, and how sweeps ended."""

    kept: dict[str, bytes] = field(default_factory=dict)
    ending: list[Audio] = field(default_factory=list)
    deleted: list[Audio] = field(default_factory=list)
    codes: list[int] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


async def save_and_delete(client: AsyncClient, told: Told, chance: random.Random, until: float) -> None:
    """Audio that stays, audio that ends in a second, audio that is deleted at once."""
    now = asyncio.get_running_loop().time
    while now() < until:
        body = chance.randbytes(2_000)
        facts = {"collection": "temp-audio", "content_type": "audio/wav"}
        stays = await client.save(body, **facts)  # type: ignore[arg-type] # options of save
        told.kept[stays.name] = body
        ends = await client.save(body, **facts)  # type: ignore[arg-type] # as above
        told.ending.append(await client.retain(ends.name, ttl=1))  # A save with so short a life may come too late.
        goes = await client.save(body, **facts)  # type: ignore[arg-type] # as above
        assert await client.delete(goes.name)
        told.deleted.append(goes)


async def sweep_again_and_again(stack: Stack, told: Told, chance: random.Random, until: float) -> None:
    """Each by a process of its own; one in four does not live to its end."""
    now = asyncio.get_running_loop().time
    while now() < until:
        code, said = await sweep(stack, killed_after=chance.uniform(0.5, 2) if chance.random() < 0.25 else None)
        told.codes.append(code)
        if code not in {*FINE, KILLED}:
            told.errors.append(said)


async def sweep(stack: Stack, *, killed_after: float | None = None) -> tuple[int, str]:
    """`mayfly-sweeper run`: its exit code, and what it logged."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "mayfly_sweeper", "run", "--json"),
        env=sweeper(stack.layout).environment(),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    ended = asyncio.create_task(process.communicate())
    done, _ = await asyncio.wait({ended}, timeout=60 if killed_after is None else killed_after)
    if not done:
        process.kill()
    _, said = await ended
    assert process.returncode is not None
    return process.returncode, said.decode()


async def have_ended(client: AsyncClient, audios: list[Audio]) -> None:
    """Wait until none of them is readable; a bound, not a measure."""
    async with asyncio.timeout(30):
        for audio in audios:
            while not await is_gone(client, audio):  # noqa: ASYNC110 - another process has no event
                await asyncio.sleep(0.1)


async def is_gone(client: AsyncClient, audio: Audio) -> bool:
    try:
        await client.get(audio.name)
    except AudioNotFoundError:
        return True
    return False


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_five_sweepers_at_once_take_what_has_ended_and_nothing_else(
    client: AsyncClient, stack: Stack, request: pytest.FixtureRequest
) -> None:
    told, chance = Told(), random.Random(2026)  # noqa: S311 - it chooses cases
    until = asyncio.get_running_loop().time() + request.config.getoption("--overlap-seconds")
    async with asyncio.TaskGroup() as group:
        for _ in range(SAVERS):
            group.create_task(save_and_delete(client, told, chance, until))
        for _ in range(SWEEPERS):
            group.create_task(sweep_again_and_again(stack, told, chance, until))
    await have_ended(client, told.ending)
    code, said = await sweep(stack)

    assert told.errors == []
    assert code == 0, said
    assert len(told.codes) >= SWEEPERS
    for name, body in told.kept.items():
        assert await client.download(name) == body
    left = {path.name for path in stack.layout.data.rglob("*.wav")}
    for audio in (*told.ending, *told.deleted):
        assert await is_gone(client, audio)
        assert Path(audio.object_key).name not in left

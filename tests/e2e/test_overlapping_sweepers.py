"""R7 and R11: five sweepers at once, some of them killed, while callers save and delete; real processes, both backends.

For longer: `python -m pytest tests/e2e/test_overlapping_sweepers.py --overlap-seconds=1800 --timeout=0`.
"""

from __future__ import annotations

import asyncio
import random
import sys
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.waiting import PATIENCE, is_gone, until
from tools.stack.programs import sweeper

if TYPE_CHECKING:
    from mayfly_client import AsyncClient, Audio
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


async def save_and_delete(client: AsyncClient, told: Told, chance: random.Random, end: float) -> None:
    """Audio that stays, audio that ends in a second, audio that is deleted at once."""
    now = asyncio.get_running_loop().time
    while now() < end:
        body = chance.randbytes(2_000)
        facts = {"collection": "temp-audio", "content_type": "audio/wav"}
        stays = await client.save(body, **facts)  # type: ignore[arg-type] # options of save
        told.kept[stays.name] = body
        ends = await client.save(body, **facts)  # type: ignore[arg-type] # as above
        told.ending.append(await client.retain(ends.name, ttl=1))  # A save with so short a life may come too late.
        goes = await client.save(body, **facts)  # type: ignore[arg-type] # as above
        assert await client.delete(goes.name)
        told.deleted.append(goes)


async def sweep_again_and_again(stack: Stack, told: Told, chance: random.Random, end: float) -> None:
    """Each by a process of its own; one in four does not live to its end."""
    now = asyncio.get_running_loop().time
    while now() < end:
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
    done, _ = await asyncio.wait({ended}, timeout=killed_after or PATIENCE)
    if not done:
        process.kill()
    _, said = await ended
    assert process.returncode is not None
    return process.returncode, said.decode()


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_five_sweepers_at_once_take_what_has_ended_and_nothing_else(
    client: AsyncClient, stack: Stack, request: pytest.FixtureRequest
) -> None:
    told, chance = Told(), random.Random(2026)  # noqa: S311 - it chooses cases
    end = asyncio.get_running_loop().time() + request.config.getoption("--overlap-seconds")
    async with asyncio.TaskGroup() as group:
        for _ in range(SAVERS):
            group.create_task(save_and_delete(client, told, chance, end))
        for _ in range(SWEEPERS):
            group.create_task(sweep_again_and_again(stack, told, chance, end))
    for audio in told.ending:
        await until(partial(is_gone, client, audio))
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

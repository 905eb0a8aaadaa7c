"""How tests wait for what another process does: with a bound that is no measure, since machines may be slow."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mayfly_client import AsyncClient, Audio, AudioNotFoundError, Sweep

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

PATIENCE: Final = 60.0
"""Seconds that anything may take which a fast machine has at once."""


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Ask again and again until it holds."""
    async with asyncio.timeout(PATIENCE):
        while not await condition():  # noqa: ASYNC110 - another process has no event
            await asyncio.sleep(0.05)


def opened_by(pid: int, folder: Path) -> list[str]:
    """Descriptors of a process that lead into a folder. It may close some while one looks."""
    found = []
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            found.append(str(entry.readlink()))
    return [path for path in found if path.startswith(str(folder))]


async def is_gone(client: AsyncClient, audio: Audio) -> bool:
    """Whether an audio's name leads nowhere any more."""
    try:
        await client.get(audio.name)
    except AudioNotFoundError:
        return True
    return False


async def sweep(client: AsyncClient, *, dry_run: bool = False) -> Sweep:
    """Run a sweep to its end."""
    started = await client.start_sweep(dry_run=dry_run)
    *_, last = [state async for state in client.watch_sweep(started.name)]
    return last

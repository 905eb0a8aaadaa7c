"""R17: what callers notice of a minute without S3, where a folder that two replicas share takes new audio.

Two storage processes over an emulated AWS; S3 alone is behind a relay that breaks connections, or lets nothing pass.
Some callers save short sounds through grants, as the client does it: first while all is well, then for the outage, then
until S3 takes new audio again. In turn they save to a third storage, whose S3 is well: how long that takes at the same
time is the limit. In the end each replica links every sound that lies in the folder, and it is played.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median, quantiles
from typing import TYPE_CHECKING, Final

from bench.report import Row
from mayfly_client import AsyncClient, AudioLocation, MayflyError
from mayfly_storage.backends.aws.testing import emulated_options
from mayfly_storage.testing import SOUND
from mayfly_storage.testing.process import storage_process
from mayfly_storage.testing.relay import relay_to
from mayfly_storage.testing.replica import provision

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from mayfly_storage.testing.relay import Relay

BEFORE, OUTAGE = 5.0, 60.0
"""Seconds."""
CALLERS = 4
PAUSE = 0.2
"""Seconds between two saves of a caller: the load must not be what is measured."""
ALLOWED_EXTRA, ALLOWED_RETURN = 500.0, 15.0
"""Milliseconds, and seconds (R17)."""
CLIENTS_TIMEOUT = 300.0
"""Seconds that `save` may take by default."""
_LOOK: Final = 0.1


@dataclass(frozen=True, slots=True)
class Save:
    """One save, as its caller saw it; times are seconds of the monotonic clock."""

    begin: float
    end: float
    name: str = ""
    """Of the audio; empty: it failed."""
    is_local: bool = False


@dataclass(slots=True)
class Story:
    """What happened, and when."""

    saves: list[Save] = field(default_factory=list)
    elsewhere: list[Save] = field(default_factory=list)
    """To the storage whose S3 is well."""
    cut: float = 0.0
    opened: float = 0.0
    """When both replicas sent new audio to the folder at once."""
    mended: float = 0.0
    closed: float = 0.0
    """When neither did any more."""
    played: int = 0
    links: int = 0

    def durations(self, saves: list[Save]) -> list[float]:
        """Milliseconds of those that were begun when the outage was known, and before it ended."""
        return [(save.end - save.begin) * 1_000 for save in saves if self.opened <= save.begin < self.mended]


def settings(url: str, s3_url: str, folder: Path) -> dict[str, str]:
    """Of one storage. What is not here is as users get it. Makes bucket and table."""
    options = emulated_options(url)
    provision(options)
    return {
        "MAYFLY_STORAGE_BACKEND": "aws",
        "MAYFLY_STORAGE_BUCKET": options.bucket,
        "MAYFLY_STORAGE_TABLE": options.table,
        "MAYFLY_STORAGE_REGION": options.region,
        "MAYFLY_STORAGE_S3_ENDPOINT_URL": s3_url,
        "MAYFLY_STORAGE_DYNAMODB_ENDPOINT_URL": url,
        "MAYFLY_STORAGE_ADDRESSING_STYLE": "path",
        "MAYFLY_STORAGE_FALLBACK_DIR": str(folder),
        "MAYFLY_STORAGE_PRIVACY_SECRET": "a secret of the benchmarks, and long enough",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }


@asynccontextmanager
async def emulator() -> AsyncIterator[str]:
    """AWS in a process of its own, so that its work is not that of the callers; its URL."""
    command = (sys.executable, "-m", "mayfly_storage.backends.aws.testing", "--port", "0")
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    try:
        assert process.stdout is not None
        yield (await process.stdout.readline()).decode().strip()
    finally:
        process.terminate()
        await process.wait()


@asynccontextmanager
async def storages(folder: Path) -> AsyncIterator[tuple[Relay, list[AsyncClient], AsyncClient]]:
    """S3's relay, a client of each of two replicas behind it, and a client of a storage beside it."""
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(emulator())
        relay = await stack.enter_async_context(relay_to(url))
        behind = await asyncio.to_thread(settings, url, relay.url, folder / "shared")
        beside = await asyncio.to_thread(settings, url, url, folder / "unused")
        clients = []
        for name, environment in (("one", behind), ("other", behind), ("well", beside)):
            _, callers = await stack.enter_async_context(storage_process(folder / name, environment))
            clients.append(await stack.enter_async_context(AsyncClient(storage=callers.address)))
        yield relay, clients[:2], clients[2]


async def keep_saving(client: AsyncClient, well: AsyncClient, story: Story) -> None:
    """Here and there in turn, until cancelled."""
    while True:
        story.saves.append(await one_save(client))
        await asyncio.sleep(PAUSE / 2)
        story.elsewhere.append(await one_save(well))
        await asyncio.sleep(PAUSE / 2)


async def one_save(client: AsyncClient) -> Save:
    """As its caller sees it."""
    begin = time.monotonic()
    try:
        audio = await client.save(SOUND, collection="temp-audio", content_type="audio/wav")
    except MayflyError:
        return Save(begin, time.monotonic())
    return Save(begin, time.monotonic(), audio.name, audio.location is AudioLocation.LOCAL)


async def until(clients: Sequence[AsyncClient], *, active: bool) -> float:
    """When all replicas say so."""
    for client in clients:
        while (await client.storage_info()).fallback_active is not active:  # noqa: ASYNC110 - of another process
            await asyncio.sleep(_LOOK)
    return time.monotonic()


async def play(clients: Sequence[AsyncClient], story: Story) -> None:
    """Everything that lies in the folder, from each replica."""
    for client in clients:
        for save in story.saves:
            if save.is_local:
                url = (await client.url(save.name)).url
                story.played += (await client.http.get(url)).content == SOUND
                story.links += 1


async def live_through(harm: Callable[[Relay], None]) -> Story:
    """The whole story of one outage."""
    story = Story()
    with tempfile.TemporaryDirectory() as folder:
        async with storages(Path(folder)) as (relay, clients, well):
            callers = [asyncio.create_task(keep_saving(clients[n % 2], well, story)) for n in range(CALLERS)]
            await asyncio.sleep(BEFORE)
            harm(relay)
            story.cut = time.monotonic()
            story.opened = await until(clients, active=True)
            await asyncio.sleep(story.cut + OUTAGE - time.monotonic())
            relay.mend()
            story.mended = time.monotonic()
            story.closed = await until(clients, active=False)
            for caller in callers:
                caller.cancel()
            await asyncio.wait(callers)
            await play(clients, story)
    return story


def p99(durations: list[float]) -> float:
    """The 99th percentile."""
    return quantiles(durations, n=100)[98]


def rows_of(kind: str, story: Story) -> list[Row]:
    """Beside what R17 allows; what has no goal is for people."""
    met = [save for save in story.saves if save.end > story.cut and save.begin < story.mended]
    here, there = story.durations(story.saves), story.durations(story.elsewhere)
    good, longest = sum(bool(save.name) for save in met) / len(met), max(save.end - save.begin for save in met)
    return [
        at_least(f"{kind}: saves that succeed, of {len(met)}", good, 0.99),
        at_least(f"{kind}: of {story.links} links to the folder, played", story.played / story.links, 1.0),
        at_most(f"{kind}: extra p99 once it is known", "ms", max(p99(here) - p99(there), 0.0), ALLOWED_EXTRA),
        replace(at_most(f"{kind}: median", "ms", median(here), median(there)), limit_name="with S3", goal=None),
        at_most(f"{kind}: until S3 takes new audio again", "s", story.closed - story.mended, ALLOWED_RETURN),
        replace(at_most(f"{kind}: until it is known", "s", story.opened - story.cut, OUTAGE), goal=None),
        replace(at_most(f"{kind}: the longest save", "s", longest, CLIENTS_TIMEOUT), goal=None),
    ]


def at_least(name: str, share: float, goal: float) -> Row:
    """A share of all."""
    return Row(name=name, unit="of 1", measured=share, limit=1.0, limit_name="all", goal=goal, higher_is_better=True)


def at_most(name: str, unit: str, measured: float, limit: float) -> Row:
    """What has to stay below a limit."""
    return Row(
        name=name, unit=unit, measured=measured, limit=limit, limit_name="allowed", goal=1.0, higher_is_better=False
    )


def run() -> list[Row]:
    """Both kinds of outage."""
    kinds: dict[str, Callable[[Relay], None]] = {
        "refused": lambda relay: relay.cut(),
        "hanging": lambda relay: relay.hang(),
    }
    return [each for kind, harm in kinds.items() for each in rows_of(kind, asyncio.run(live_through(harm)))]

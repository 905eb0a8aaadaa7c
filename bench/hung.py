"""R1: stores and services that hang. 500 calls each while S3, DynamoDB, or synth's storage takes and answers nothing.

A relay stands before what hangs: it accepts, and passes nothing on for a while, as a process that is frozen. What is
measured is how long after its deadline a caller still waits, and how soon the service is as before once everything
passes again.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bench.report import Row, at_most
from bench.storage_set import DRAIN, SOUND, started
from mayfly_client import AsyncClient, DeadlineError, MayflyError, ServerBusyError, UnavailableError
from mayfly_storage.testing.relay import relay_to
from tools.stack.layout import Layout, Ports
from tools.stack.processes import stop
from tools.stack.programs import Backend, moto, storage, synth
from tools.stack.provision import provision

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from mayfly_storage.testing.relay import Relay
    from tools.stack.programs import Program

CALLS: Final = 500
AT_ONCE: Final = 20
DEADLINE: Final = 1.0
LATE: Final = 100.0
"""Milliseconds after the deadline that are allowed."""
_PATIENCE: Final = 60.0


@dataclass(slots=True)
class Heard:
    """What callers heard while it hung."""

    late: list[float] = field(default_factory=list)
    """Milliseconds after their deadline; negative: before it."""
    in_vain: int = 0
    """Calls that ended with DEADLINE_EXCEEDED, a moment before it with UNAVAILABLE, or at once with SERVER_BUSY.

    The last once every thread that storage has for a store waits for it: their number is bounded.
    """
    seconds_until_well: float = 0.0


async def hang(client: AsyncClient, relay: Relay, call: Callable[[AsyncClient], Awaitable[object]]) -> Heard:
    """Once while it passes, so many while it hangs, and again until it is as before."""
    heard, left = Heard(), iter(range(CALLS))
    await call(client)
    relay.hang()

    async def caller() -> None:
        for _ in left:
            begun = time.perf_counter()
            try:
                await call(client)
            except (DeadlineError, UnavailableError, ServerBusyError):
                heard.in_vain += 1
            heard.late.append((time.perf_counter() - begun - DEADLINE) * 1e3)

    await asyncio.gather(*(caller() for _ in range(AT_ONCE)))
    relay.mend()
    heard.seconds_until_well = await until_well(client, call)
    return heard


async def until_well(client: AsyncClient, call: Callable[[AsyncClient], Awaitable[object]]) -> float:
    """Seconds until a call succeeds again."""
    begun = time.perf_counter()
    while time.perf_counter() < begun + _PATIENCE:
        with suppress(MayflyError):
            await call(client)
            return time.perf_counter() - begun
    raise RuntimeError(f"it is not as before after {_PATIENCE:.0f} s")


async def save(client: AsyncClient) -> object:
    """Reaches S3."""
    return await client.upload_stream(SOUND, collection="temp-audio", content_type="audio/wav", timeout=DEADLINE)


async def look(client: AsyncClient) -> object:
    """Reaches DynamoDB."""
    return [audio async for audio in client.list(user_id="u1", timeout=DEADLINE)]


async def speak(client: AsyncClient) -> object:
    """Reaches storage from synth."""
    return await client.speak("Mind the gap.", timeout=DEADLINE)


@asynccontextmanager
async def behind(address: str) -> AsyncIterator[tuple[Relay, str]]:
    """A relay to a server, and where it is."""
    async with relay_to(f"http://{address}") as relay:
        yield relay, relay.url.removeprefix("http://")


async def measure(setting: str, call: Callable[[AsyncClient], Awaitable[object]]) -> Heard:
    """Storage on the emulator, one of whose two stores is behind the relay."""
    async with AsyncExitStack() as stack:
        layout = _layout(stack)
        await _run(stack, moto(layout), layout)
        service = storage(layout, Backend.AWS)
        await asyncio.to_thread(provision, service)
        relay, address = await stack.enter_async_context(behind(layout.address("moto")))
        # A fallback to local files would answer where this is to see the deadline; it is off unless it is set.
        service.settings[f"MAYFLY_STORAGE_{setting}_ENDPOINT_URL"] = f"http://{address}"
        await _run(stack, service, layout)
        client = await stack.enter_async_context(AsyncClient(storage=layout.address("storage")))
        return await hang(client, relay, call)


async def measure_synth() -> Heard:
    """Synth, whose storage is behind the relay."""
    async with AsyncExitStack() as stack:
        layout = _layout(stack)
        await _run(stack, storage(layout, Backend.EMBEDDED), layout)
        relay, address = await stack.enter_async_context(behind(layout.address("storage")))
        speaker = synth(layout)
        speaker.settings["MAYFLY_SYNTH_STORAGE_TARGET"] = address
        await _run(stack, speaker, layout)
        client = await stack.enter_async_context(AsyncClient(synth=layout.address("synth")))
        return await hang(client, relay, speak)


def _layout(stack: AsyncExitStack) -> Layout:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    return Layout(ports=Ports.free(), data=folder, run=folder)


async def _run(stack: AsyncExitStack, program: Program, layout: Layout) -> None:
    """Until the stack is closed. The relay lives in this loop, so nothing may wait in it for what it waits for."""
    process = await asyncio.to_thread(started, program, layout)
    stack.push_async_callback(asyncio.to_thread, stop, [process], patience=DRAIN)


async def measured() -> dict[str, Heard]:
    """Each that can hang."""
    return {
        "S3": await measure("S3", save),
        "DynamoDB": await measure("DYNAMODB", look),
        "synth's storage": await measure_synth(),
    }


def run() -> list[Row]:
    """All of them."""
    return [row for name, heard in asyncio.run(measured()).items() for row in rows_of(name, heard)]


def rows_of(name: str, heard: Heard) -> list[Row]:
    """Beside what R1 allows."""
    calls = len(heard.late)
    return [
        at_most(f"{name} hangs: after the deadline, latest of {calls} calls", "ms", max(heard.late), allowed=LATE),
        at_most(f"{name} hangs: calls that ended otherwise", "calls", calls - heard.in_vain, allowed=0),
        at_most(f"{name} answers again: until callers see it", "s", heard.seconds_until_well, allowed=10),
    ]

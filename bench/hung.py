"""R1: stores and services that hang. 500 calls each while S3, DynamoDB, or synth's storage takes and answers nothing.

A proxy of ours stands before what hangs: it accepts, and passes nothing on for a while, as a process that is frozen.
What is measured is how long after its deadline a caller still waits, and how soon the service is as before once the
proxy passes everything on again.
"""

from __future__ import annotations

import asyncio
import tempfile
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bench.report import Row, at_most
from bench.storage_set import SOUND, running
from mayfly_client import AsyncClient, DeadlineError, MayflyError, ServerBusyError, UnavailableError
from tools.stack.layout import HOST, Layout, Ports
from tools.stack.programs import Backend, moto, storage, synth
from tools.stack.provision import provision

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

CALLS: Final = 500
AT_ONCE: Final = 20
DEADLINE: Final = 1.0
LATE: Final = 100.0
"""Milliseconds after the deadline that are allowed."""
_PATIENCE: Final = 60.0
_GLANCE: Final = 0.02


@dataclass(slots=True)
class HangingProxy:
    """Passes bytes on, until it is told to hang."""

    upstream: tuple[str, int]
    port: int = 0
    passes: threading.Event = field(default_factory=threading.Event)

    async def serve(self, ready: threading.Event, stopped: asyncio.Event) -> None:
        """Until it is stopped."""
        server = await asyncio.start_server(self._connection, HOST, 0)
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        await stopped.wait()
        server.close()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        to_reader, to_writer = await asyncio.open_connection(*self.upstream)
        with suppress(OSError):
            await asyncio.gather(self._pump(reader, to_writer), self._pump(to_reader, writer))

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65_536):
                while not self.passes.is_set():  # noqa: ASYNC110 - it is set by another thread
                    await asyncio.sleep(_GLANCE)
                writer.write(data)
                await writer.drain()
        writer.close()


@contextmanager
def proxy_before(address: str) -> Iterator[HangingProxy]:
    """A proxy in a thread of its own, which passes everything on."""
    host, _, port = address.rpartition(":")
    proxy, ready = HangingProxy((host, int(port))), threading.Event()
    proxy.passes.set()
    loop = asyncio.new_event_loop()
    stopped = asyncio.Event()

    def serve() -> None:
        loop.run_until_complete(proxy.serve(ready, stopped))

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    ready.wait(_PATIENCE)
    try:
        yield proxy
    finally:
        loop.call_soon_threadsafe(stopped.set)
        thread.join(_PATIENCE)


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


async def hang(client: AsyncClient, proxy: HangingProxy, call: Callable[[AsyncClient], Awaitable[object]]) -> Heard:
    """Once while it passes, so many while it hangs, and again until it is as before."""
    heard, left = Heard(), iter(range(CALLS))
    await call(client)
    proxy.passes.clear()

    async def caller() -> None:
        for _ in left:
            begun = time.perf_counter()
            try:
                await call(client)
            except (DeadlineError, UnavailableError, ServerBusyError):
                heard.in_vain += 1
            heard.late.append((time.perf_counter() - begun - DEADLINE) * 1e3)

    await asyncio.gather(*(caller() for _ in range(AT_ONCE)))
    proxy.passes.set()
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


def measure(setting: str, call: Callable[[AsyncClient], Awaitable[object]]) -> Heard:
    """Storage on the emulator, one of whose two stores is behind the proxy."""
    with ExitStack() as stack:
        layout = _layout(stack)
        stack.enter_context(running(moto(layout), layout))
        service = storage(layout, Backend.AWS)
        provision(service)
        proxy = stack.enter_context(proxy_before(layout.address("moto")))
        # A fallback to local files would answer where this is to see the deadline; it is off unless it is set.
        service.settings[f"MAYFLY_STORAGE_{setting}_ENDPOINT_URL"] = f"http://{HOST}:{proxy.port}"
        stack.enter_context(running(service, layout))
        return asyncio.run(_with(call, proxy, storage=layout.address("storage")))


def measure_synth() -> Heard:
    """Synth, whose storage is behind the proxy."""
    with ExitStack() as stack:
        layout = _layout(stack)
        stack.enter_context(running(storage(layout, Backend.EMBEDDED), layout))
        proxy = stack.enter_context(proxy_before(layout.address("storage")))
        speaker = synth(layout)
        speaker.settings["MAYFLY_SYNTH_STORAGE_TARGET"] = f"{HOST}:{proxy.port}"
        stack.enter_context(running(speaker, layout))
        return asyncio.run(_with(speak, proxy, synth=layout.address("synth")))


def _layout(stack: ExitStack) -> Layout:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    return Layout(ports=Ports.free(), data=folder, run=folder)


async def _with(
    call: Callable[[AsyncClient], Awaitable[object]], proxy: HangingProxy, *, storage: str = "", synth: str = ""
) -> Heard:
    async with AsyncClient(storage=storage, synth=synth) as client:
        return await hang(client, proxy, call)


def run() -> list[Row]:
    """Each that can hang."""
    found = {"S3": measure("S3", save), "DynamoDB": measure("DYNAMODB", look), "synth's storage": measure_synth()}
    return [row for name, heard in found.items() for row in rows_of(name, heard)]


def rows_of(name: str, heard: Heard) -> list[Row]:
    """Beside what R1 allows."""
    calls = len(heard.late)
    return [
        at_most(f"{name} hangs: after the deadline, latest of {calls} calls", "ms", max(heard.late), allowed=LATE),
        at_most(f"{name} hangs: calls that ended otherwise", "calls", calls - heard.in_vain, allowed=0),
        at_most(f"{name} answers again: until callers see it", "s", heard.seconds_until_well, allowed=10),
    ]

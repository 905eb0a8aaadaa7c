"""What a slow S3 does to RPCs that need none: 64 callers wait for a store that takes 5 s for each answer.

Storage runs in a process of its own over rows in memory, with S3's own client and the limits that users get. In each
round GetAudio and SignUrls are called in turn: in quiet, then while all connections to S3 hang and as many calls as may
wait for one, and in quiet again. Each ratio is of one round. The lag of the event loop is told by storage itself: how
much later than asked a sleep of 5 ms ends.
"""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from collections import defaultdict
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Final

import grpc.aio
from mayfly.storage.v1 import storage_service_pb2 as pb
from mayfly.storage.v1 import storage_service_pb2_grpc as stubs

from bench.report import Row
from mayfly_storage.backends.aws.options import AwsOptions

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

ROUNDS = 15
CALLS = 480
CALLERS = 8
LATENCY = 5.0
ALLOWED_LAG = 20.0
"""Milliseconds (R19)."""
_LIMITS: Final = AwsOptions(bucket="b", region="r")
WAITING = _LIMITS.connections + _LIMITS.s3_queue
_PAUSE: Final = 0.5
_NO_SUCH_KEY: Final = b"<Error><Code>NoSuchKey</Code></Error>"
_ANSWER: Final = b"HTTP/1.1 404 Not Found\r\nContent-Length: %d\r\n\r\n%s" % (len(_NO_SUCH_KEY), _NO_SUCH_KEY)


@dataclass
class SlowStore:
    """Answers every request with NoSuchKey, but takes its time."""

    port: int = 0
    waiting: int = 0
    busy: asyncio.Event = field(default_factory=asyncio.Event)
    """Set while as many requests wait as storage has connections."""
    released: asyncio.Event = field(default_factory=asyncio.Event)
    """Set: answers come at once."""
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self._open.add(writer)
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                await reader.readuntil(b"\r\n\r\n")
                self._count(1)
                with suppress(TimeoutError):
                    await asyncio.wait_for(self.released.wait(), LATENCY)
                self._count(-1)
                writer.write(_ANSWER)
                await writer.drain()
        self._open.discard(writer)
        writer.close()

    async def end(self) -> None:
        """Answer whoever waits, and hang up."""
        self.released.set()
        while self._open:
            for writer in tuple(self._open):
                writer.transport.abort()
            await asyncio.sleep(0)

    def _count(self, change: int) -> None:
        self.waiting += change
        if self.waiting >= _LIMITS.connections:
            self.busy.set()
        else:
            self.busy.clear()


@asynccontextmanager
async def slow_store() -> AsyncIterator[SlowStore]:
    """On a free port."""
    store = SlowStore()
    async with await asyncio.start_server(store.serve, "127.0.0.1", 0) as server:
        store.port = server.sockets[0].getsockname()[1]
        yield store
        await store.end()


@dataclass(frozen=True, slots=True)
class Service:
    """storage in a process of its own."""

    address: str
    name: str
    """Of an audio that it holds."""
    process: subprocess.Popen[str]

    def lag(self) -> float:
        """The 99th percentile of the loop's lag since the last question, in milliseconds."""
        self.process.send_signal(signal.SIGUSR1)
        assert self.process.stdout is not None
        return float(self.process.stdout.readline())


@contextmanager
def service(store_port: int) -> Iterator[Service]:
    """Storage on a slow store."""
    command = [sys.executable, "-m", "bench.slow_store_server", f"http://127.0.0.1:{store_port}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            port, name = process.stdout.readline().split()
            yield Service(f"127.0.0.1:{port}", name, process)
        finally:
            process.terminate()


async def calls_per_second(call: Callable[[], Awaitable[object]]) -> float:
    """With some callers at once."""

    async def caller() -> None:
        for _ in range(CALLS // CALLERS):
            await call()

    begun = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(CALLERS)))
    return CALLS / (time.perf_counter() - begun)


async def speeds(calls: dict[str, Callable[[], Awaitable[object]]]) -> dict[str, float]:
    """Of each, one after the other."""
    return {name: await calls_per_second(call) for name, call in calls.items()}


@asynccontextmanager
async def hanging(store: SlowStore, stub: stubs.StorageServiceAsyncStub, name: str) -> AsyncIterator[None]:
    """Within it all of storage's connections to S3 wait, and others for them."""

    async def download() -> None:
        while True:
            with suppress(grpc.aio.AioRpcError):
                async for _ in stub.DownloadAudio(pb.DownloadAudioRequest(name=name), timeout=60):
                    pass
            await asyncio.sleep(_PAUSE)  # what was refused is not tried again at once

    store.released.clear()
    downloads = [asyncio.create_task(download()) for _ in range(WAITING)]
    await store.busy.wait()
    await asyncio.sleep(3 * _PAUSE)  # until all of them are where they will wait
    try:
        yield
    finally:
        for each in downloads:
            each.cancel()
        store.released.set()
        await asyncio.wait(downloads)


async def measure() -> list[Row]:
    """Round by round; the first one warms up and does not count."""
    ratios: defaultdict[str, list[float]] = defaultdict(list)
    quiet: defaultdict[str, list[float]] = defaultdict(list)
    lags = []
    async with slow_store() as store:
        with service(store.port) as started:
            async with grpc.aio.insecure_channel(started.address) as channel:
                stub: stubs.StorageServiceAsyncStub = stubs.StorageServiceStub(channel)
                get, sign = pb.GetAudioRequest(name=started.name), pb.SignUrlsRequest(names=[started.name])
                calls: dict[str, Callable[[], Awaitable[object]]] = {
                    "GetAudio": lambda: stub.GetAudio(get, timeout=20),
                    "SignUrls of one name": lambda: stub.SignUrls(sign, timeout=20),
                }
                for _ in range(ROUNDS + 1):
                    before = await speeds(calls)
                    async with hanging(store, stub, started.name):
                        started.lag()
                        meanwhile = await speeds(calls)
                        lags.append(started.lag())
                    after = await speeds(calls)
                    for name in calls:
                        quiet[name].append((before[name] + after[name]) / 2)
                        ratios[name].append(meanwhile[name] / quiet[name][-1])
    return [*(unharmed(name, ratios[name][1:], quiet[name][1:]) for name in calls), lag_row(lags[1:])]


def unharmed(name: str, ratios: list[float], quiet: list[float]) -> Row:
    """Speed while S3 hangs beside the speed in quiet."""
    return Row(
        name=f"{name} while S3 takes {LATENCY:.0f} s",
        unit="calls/s",
        measured=median(quiet) * median(ratios),
        limit=median(quiet),
        limit_name="the same in quiet",
        goal=0.95,
        higher_is_better=True,
    )


def lag_row(lags: list[float]) -> Row:
    """Lag while S3 hangs and others call."""
    return Row(
        name="event loop's lag, 99th percentile",
        unit="ms",
        measured=median(lags),
        limit=ALLOWED_LAG,
        limit_name="allowed",
        goal=1.0,
        higher_is_better=False,
    )


def run() -> list[Row]:
    """Measure."""
    return asyncio.run(measure())

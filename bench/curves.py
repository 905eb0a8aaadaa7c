"""Draws the pictures of docs/performance.md: `python -m bench.curves FOLDER` measures, and writes three SVG files."""

from __future__ import annotations

import argparse
import asyncio
import time
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import grpc.aio
from mayfly.storage.v1 import storage_service_pb2 as pb
from mayfly.storage.v1 import storage_service_pb2_grpc as stubs
from rich.console import Console

from bench import soak
from bench.echo_server import METHOD
from bench.line_chart import LineChart
from bench.signing import botocore_loop, storage
from bench.storage_calls import PAYLOAD, Contender, calls_per_second
from bench.storage_server import an_audio
from bench.storage_set import save_many, storage_set
from bench.unary_overhead import server
from tools.stack.programs import Backend

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

Series = dict[str, list[tuple[float, float]]]

SIZES = (1, 3, 10, 30, 100, 300, 1_000)
CALLERS = (1, 2, 4, 8, 16, 32)
ROUNDS = 5
REPEATS = 5


async def links_by_size(address: str, names: Iterator[str]) -> Series:
    """Links in a second, by how many of them are asked for at a time; all of them are new."""
    found: dict[str, dict[int, list[float]]] = {kind: {size: [] for size in SIZES} for kind in ("SignUrls", "botocore")}
    by_botocore = botocore_loop()
    async with grpc.aio.insecure_channel(address) as channel:
        stub: stubs.StorageServiceAsyncStub = stubs.StorageServiceStub(channel)
        for _ in range(ROUNDS + 1):
            for size in SIZES:
                requests = [pb.SignUrlsRequest(names=[next(names) for _ in range(size)]) for _ in range(REPEATS)]
                audios = [an_audio() for _ in range(size * REPEATS)]
                begun = time.perf_counter()
                for request in requests:
                    await stub.SignUrls(request, timeout=30)
                called = time.perf_counter()
                by_botocore(audios)
                ended = time.perf_counter()
                found["SignUrls"][size].append(size * REPEATS / (called - begun))
                found["botocore"][size].append(size * REPEATS / (ended - called))
    return {kind: [(size, median(speeds[1:])) for size, speeds in by_size.items()] for kind, by_size in found.items()}


async def calls_by_callers(addresses: dict[str, tuple[str, str]], echo: str) -> Series:
    """Calls in a second, by how many call at once."""
    async with AsyncExitStack() as stack:
        bare = await stack.enter_async_context(grpc.aio.insecure_channel(echo))
        call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = bare.unary_unary(METHOD)
        contenders = [Contender(name="bare grpc.aio echo", limit="", call=lambda: call(PAYLOAD, timeout=20))]
        for where, (address, name) in addresses.items():
            channel = await stack.enter_async_context(grpc.aio.insecure_channel(address))
            contenders += [
                Contender(name=f"{method}, {where}", limit="", call=bound)
                for method, bound in both(stubs.StorageServiceStub(channel), name).items()
            ]
        found: Series = {each.name: [] for each in contenders}
        for callers in CALLERS:
            rounds = [
                {each.name: await calls_per_second(each, callers) for each in contenders} for _ in range(ROUNDS + 1)
            ]
            for name, points in found.items():
                points.append((callers, median(taken[name] for taken in rounds[1:])))
    return found


def both(stub: stubs.StorageServiceAsyncStub, name: str) -> dict[str, Callable[[], Awaitable[object]]]:
    """The two short calls."""
    get, sign = pb.GetAudioRequest(name=name), pb.SignUrlsRequest(names=[name])
    return {"GetAudio": lambda: stub.GetAudio(get, timeout=20), "SignUrls": lambda: stub.SignUrls(sign, timeout=20)}


def links() -> LineChart:
    """Signing."""
    with storage("aws", (ROUNDS + 1) * REPEATS * sum(SIZES)) as (address, names):
        series = asyncio.run(links_by_size(address, iter(names)))
    return LineChart(
        title="Links in a second, by names in one SignUrls",
        x_name="names",
        y_name="links/s",
        series=series,
        marks=SIZES,
    )


def calls() -> LineChart:
    """Short calls."""
    with ExitStack() as stack:
        memory, names = stack.enter_context(storage("aws"))
        embedded = stack.enter_context(storage_set(Backend.EMBEDDED)).address
        [saved] = asyncio.run(save_many(embedded, 1))
        addresses = {"in memory": (memory, names[0]), "embedded": (embedded, saved)}
        series = asyncio.run(calls_by_callers(addresses, stack.enter_context(server("bare"))))
    return LineChart(title="Calls in a second, by callers at once", x_name="callers", y_name="calls/s", series=series)


def memory() -> LineChart:
    """What storage has in memory, over a run of saves, links, reads and deletes."""
    with storage_set(Backend.EMBEDDED) as started:
        samples = asyncio.run(soak.live(started.address, started.service.pid))
    points = [(float(lives), mib) for lives, mib, _ in samples]
    return LineChart(
        title="Memory of storage over saves, links, reads and deletes",
        x_name="lives of audio",
        y_name="MiB",
        series={"resident": points},
        is_logarithmic=False,
        marks=[x for x, _ in points[7::8]],
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and draw."""
    parser = argparse.ArgumentParser(prog="python -m bench.curves", description=__doc__)
    parser.add_argument("folder", type=Path, help="where the pictures go")
    folder: Path = parser.parse_args(arguments).folder
    console = Console(stderr=True)
    for name, draw in {"links": links, "calls": calls, "memory": memory}.items():
        with console.status(f"measuring {name} ..."):
            path = folder / f"performance-{name}.svg"
            path.write_text(draw().svg(), encoding="utf-8")
        console.print(f"wrote {path}")


if __name__ == "__main__":
    main()

"""What GetAudio and SignUrls of one name cost, beside a bare grpc.aio echo, for one caller and for 32.

Storage and the echo run in processes of their own; one client calls them in turn, so that a change of the machine's
speed meets all. Storage serves rows in memory and signs as the AWS backend does: what is measured is what Mayfly adds
to gRPC (interceptors, validation, use case, links), not a database. The link of one name is signed once, and then
remembered, as in a page that many open. Figures are medians of the rounds.
"""

from __future__ import annotations

import asyncio
import time
from statistics import median
from typing import TYPE_CHECKING

import grpc.aio
from mayfly.storage.v1 import storage_service_pb2 as pb
from mayfly.storage.v1 import storage_service_pb2_grpc as stubs

from bench.echo_server import METHOD
from bench.report import Row
from bench.signing import storage
from bench.unary_overhead import server

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

ROUNDS = 7
CALLS = 640
CALLERS = (1, 32)
PAYLOAD = b"x" * 200


async def calls_per_second(call: Callable[[], Awaitable[object]], callers: int) -> float:
    """With so many callers at once."""

    async def caller() -> None:
        for _ in range(CALLS // callers):
            await call()

    begun = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(callers)))
    return CALLS / (time.perf_counter() - begun)


async def measure(storage_address: str, echo_address: str, name: str) -> list[Row]:
    """Call all in turn, round by round; the first round warms up and does not count."""
    async with (
        grpc.aio.insecure_channel(storage_address) as ours,
        grpc.aio.insecure_channel(echo_address) as bare,
    ):
        stub = stubs.StorageServiceStub(ours)
        echo: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = bare.unary_unary(METHOD)
        calls: dict[str, Callable[[], Awaitable[object]]] = {
            "echo": lambda: echo(PAYLOAD, timeout=10),
            "GetAudio": lambda: stub.GetAudio(pb.GetAudioRequest(name=name), timeout=10),
            "SignUrls of one name": lambda: stub.SignUrls(pb.SignUrlsRequest(names=[name]), timeout=10),
        }
        return [row for callers in CALLERS for row in await compare(calls, callers)]


async def compare(calls: dict[str, Callable[[], Awaitable[object]]], callers: int) -> list[Row]:
    """Rows for one number of callers."""
    speeds: dict[str, list[float]] = {kind: [] for kind in calls}
    for _ in range(ROUNDS + 1):
        for kind, call in calls.items():
            speeds[kind].append(await calls_per_second(call, callers))
    medians = {kind: median(values[1:]) for kind, values in speeds.items()}
    return [
        Row(
            name=f"{kind}, {callers} caller{'s' * (callers > 1)}",
            unit="calls/s",
            measured=medians[kind],
            limit=medians["echo"],
            limit_name="bare grpc.aio echo",
            goal=None,
            higher_is_better=True,
        )
        for kind in calls
        if kind != "echo"
    ]


def run() -> list[Row]:
    """Measure all in one run."""
    with storage("aws") as (storage_address, names), server("bare") as echo_address:
        return asyncio.run(measure(storage_address, echo_address, names[0]))

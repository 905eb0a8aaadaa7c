"""What the runtime adds to an unary RPC: an echo through all of its interceptors beside a bare grpc.aio echo.

Both servers run in processes of their own; one client calls them in turn, so that a change of the machine's speed meets
both. Figures are medians of the rounds.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from contextlib import contextmanager
from statistics import median
from typing import TYPE_CHECKING

import grpc.aio

from bench.echo_server import METHOD
from bench.report import Row

if TYPE_CHECKING:
    from collections.abc import Iterator

ROUNDS = 9
CALLS = 1_000
CALLERS = (1, 16)
PAYLOAD = b"x" * 200


@contextmanager
def server(kind: str) -> Iterator[str]:
    """An echo server in its own process; its address."""
    process = subprocess.Popen([sys.executable, "-m", "bench.echo_server", kind], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield f"127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.terminate()
        process.wait(10)


async def microseconds_per_call(channel: grpc.aio.Channel, callers: int) -> float:
    """Wall time through calls, with so many callers at once."""
    call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(METHOD)

    async def caller() -> None:
        for _ in range(CALLS // callers):
            await call(PAYLOAD, timeout=10)

    begun = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(callers)))
    return (time.perf_counter() - begun) / (CALLS // callers * callers) * 1e6


async def measure(targets: dict[str, str]) -> list[Row]:
    """Call both in turn, round by round; the first round warms up and does not count."""
    channels = {kind: grpc.aio.insecure_channel(target) for kind, target in targets.items()}
    rows = []
    for callers in CALLERS:
        taken: dict[str, list[float]] = {kind: [] for kind in channels}
        for _ in range(ROUNDS + 1):
            for kind, channel in channels.items():
                taken[kind].append(await microseconds_per_call(channel, callers))
        medians = {kind: median(values[1:]) for kind, values in taken.items()}
        rows.append(
            Row(
                name=f"unary RPC, {callers} caller{'s' * (callers > 1)}",
                unit="us/call",
                measured=medians["mayfly"],
                limit=medians["bare"],
                limit_name="bare grpc.aio echo",
                goal=1.5,
                higher_is_better=False,
            )
        )
    for channel in channels.values():
        await channel.close()
    return rows


def run() -> list[Row]:
    """Measure with one and with many callers."""
    with server("bare") as bare, server("mayfly") as mayfly:
        return asyncio.run(measure({"bare": bare, "mayfly": mayfly}))

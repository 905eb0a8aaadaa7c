"""R3: twenty rollouts under load. Two replicas of synth; each in turn is told to stop, and started again.

50 calls a second, a fifth of them speech, by a bare gRPC channel that goes round both and repeats nothing by itself: a
call that fails was in flight, or was sent to a replica that had said that it stops. Meanwhile the health of the one
that stops is watched.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final
from uuid import uuid4

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from mayfly.synth.v1 import synth_service_pb2 as pb
from mayfly.synth.v1 import synth_service_pb2_grpc as stubs

from bench.report import Row, at_most
from bench.storage_set import DRAIN, running, started
from tools.stack.layout import Layout, Ports
from tools.stack.processes import stop
from tools.stack.programs import Backend, storage, synth

if TYPE_CHECKING:
    from tools.stack.processes import Running

ROLLOUTS: Final = 20
A_SECOND: Final = 50
SPEECH_EVERY: Final = 5
_GLANCE: Final = 0.02
_SERVICE: Final = "mayfly.synth.v1.SynthService"
_ROUND_ROBIN: Final = json.dumps({"loadBalancingConfig": [{"round_robin": {}}]})


@dataclass(slots=True)
class Seen:
    """What callers and the watcher of health saw."""

    calls: int = 0
    failed: list[str] = field(default_factory=list)
    told: list[float] = field(default_factory=list)
    """Seconds from SIGTERM until a watcher hears NOT_SERVING."""
    ended: list[float] = field(default_factory=list)
    """Seconds from SIGTERM until the process has ended."""


class Replica:
    """One synth, which comes and goes."""

    def __init__(self, layout: Layout) -> None:
        self.address = layout.address("synth")
        self._layout = layout
        self.process: Running | None = None

    async def start(self) -> None:
        """Until it serves."""
        self.process = await asyncio.to_thread(started, synth(self._layout), self._layout)

    async def roll(self, seen: Seen) -> None:
        """Stop it as an orchestrator does, and start it again."""
        assert self.process is not None
        async with grpc.aio.insecure_channel(self.address) as channel:
            watch = health_pb2_grpc.HealthStub(channel).Watch(  # type: ignore[attr-defined] # set when it is made
                health_pb2.HealthCheckRequest(service=_SERVICE)
            )
            await anext(aiter(watch))
            begun = time.perf_counter()
            self.process.ask_to_stop()
            async for answer in watch:
                if answer.status != health_pb2.HealthCheckResponse.SERVING:
                    break
            seen.told.append(time.perf_counter() - begun)
        while self.process.is_alive():  # noqa: ASYNC110 - another process has no event
            await asyncio.sleep(_GLANCE)
        seen.ended.append(time.perf_counter() - begun)
        await self.start()

    def stop(self) -> None:
        """For good."""
        if self.process is not None:
            stop([self.process], patience=DRAIN)


async def call(stub: stubs.SynthServiceAsyncStub, seen: Seen, number: int) -> None:
    """One of them."""
    seen.calls += 1
    try:
        if number % SPEECH_EVERY:
            await stub.ListVoices(pb.ListVoicesRequest(), timeout=10)
        else:
            await stub.Synthesize(pb.SynthesizeRequest(request_id=str(uuid4()), text="Mind the gap."), timeout=10)
    except grpc.aio.AioRpcError as error:
        seen.failed.append(f"{error.code().name}: {error.details()}")


async def load(addresses: list[str], seen: Seen, stopped: asyncio.Event) -> None:
    """Calls at a steady pace, whether those before have ended or not."""
    options = [("grpc.service_config", _ROUND_ROBIN), ("grpc.max_reconnect_backoff_ms", 500)]
    async with (
        grpc.aio.insecure_channel(f"ipv4:{','.join(addresses)}", options=options) as channel,
        asyncio.TaskGroup() as group,
    ):
        stub: stubs.SynthServiceAsyncStub = stubs.SynthServiceStub(channel)
        while not stopped.is_set():
            group.create_task(call(stub, seen, seen.calls))
            await asyncio.sleep(1 / A_SECOND)


async def roll_all(replicas: list[Replica]) -> Seen:
    """All rollouts, under load."""
    seen, stopped = Seen(), asyncio.Event()
    for replica in replicas:
        await replica.start()
    async with asyncio.TaskGroup() as group:
        group.create_task(load([replica.address for replica in replicas], seen, stopped))
        for number in range(ROLLOUTS):
            await replicas[number % len(replicas)].roll(seen)
            await asyncio.sleep(1)
        stopped.set()
    return seen


def run() -> list[Row]:
    """Two replicas at one storage."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        layout = Layout(ports=Ports.free(), data=folder, run=folder)
        stack.enter_context(running(storage(layout, Backend.EMBEDDED), layout))
        others = replace(layout, ports=replace(layout.ports, synth=Ports.free().synth))
        replicas = [Replica(layout), Replica(others)]
        for replica in replicas:
            stack.callback(replica.stop)
        seen = asyncio.run(roll_all(replicas))
    return rows_of(seen)


def rows_of(seen: Seen) -> list[Row]:
    """Beside what R3 allows."""
    return [
        at_most(f"calls that failed, of {seen.calls:,} in {ROLLOUTS} rollouts", "calls", len(seen.failed), allowed=0),
        at_most("NOT_SERVING after SIGTERM, slowest", "ms", max(seen.told) * 1e3, allowed=100),
        at_most("end after SIGTERM, slowest", "s", max(seen.ended), allowed=DRAIN),
    ]

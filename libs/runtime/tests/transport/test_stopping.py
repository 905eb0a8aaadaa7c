from __future__ import annotations

import asyncio
import signal
import sys
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
import pytest

from mayfly_runtime.identity import CallerRegistry
from mayfly_runtime.server import RunningServer, ServerBuilder
from mayfly_runtime.telemetry import Telemetry
from mayfly_runtime.testing import options_for_tests

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PATIENCE = 60


@pytest.fixture
def start(echo: Any, register: Any, service: str) -> Any:
    async def start_with(drain: timedelta) -> RunningServer:
        builder = ServerBuilder(
            options_for_tests(drain=drain),
            domain="test.mayfly",
            errors={},
            callers=CallerRegistry.loopback_only(),
            telemetry=Telemetry.disabled(),
        )
        return await builder.add(register, echo, service=service).start()

    return start_with


class Held:
    """An RPC that runs until the test lets it go."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.go = asyncio.Event()
        self.cancelled = asyncio.Event()

    async def act(self, request: Any) -> None:
        self.begun.set()
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise


async def test_a_running_rpc_ends_before_its_server(start: Any, echo: Any, call: Any, kind: str) -> None:
    held = Held()
    echo.act = held.act
    server = await start(timedelta(seconds=PATIENCE))
    async with grpc.aio.insecure_channel(server.address) as channel:
        running = asyncio.create_task(call(channel, kind))
        await held.begun.wait()
        draining = asyncio.create_task(server.drain())
        await asyncio.sleep(0)
        held.go.set()

        assert b"hello" in await running
        await draining


async def test_what_still_runs_after_draining_is_cancelled(start: Any, echo: Any, call: Any) -> None:
    held = Held()
    echo.act = held.act
    server = await start(timedelta(milliseconds=50))
    async with grpc.aio.insecure_channel(server.address) as channel:
        running = asyncio.create_task(call(channel, "unary_unary"))
        await held.begun.wait()

        await server.drain()

        await asyncio.wait_for(held.cancelled.wait(), PATIENCE)
        with pytest.raises(grpc.aio.AioRpcError):
            await running


async def test_draining_twice_waits_for_the_same_end(start: Any) -> None:
    server = await start(timedelta(seconds=1))

    await asyncio.gather(server.drain(), server.drain())
    await server.drain()
    await asyncio.wait_for(server.wait_stopped(), PATIENCE)

    async with grpc.aio.insecure_channel(server.address) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await channel.unary_unary("/any.Service/Method")(b"", timeout=PATIENCE)
    assert refused.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_giving_up_a_wait_does_not_stop_the_draining(start: Any, echo: Any, call: Any) -> None:
    held = Held()
    echo.act = held.act
    server = await start(timedelta(seconds=PATIENCE))
    async with grpc.aio.insecure_channel(server.address) as channel:
        running = asyncio.create_task(call(channel, "unary_unary"))
        await held.begun.wait()
        waits = [asyncio.create_task(server.drain()), asyncio.create_task(server.wait_stopped())]
        await asyncio.sleep(0)
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)
        held.go.set()

        assert await running == [b"hello"]
        await server.drain()


PROCESS = """
import asyncio, sys
from datetime import timedelta
import grpc
from mayfly_runtime import logs
from mayfly_runtime.identity import CallerRegistry
from mayfly_runtime.server import ServerBuilder, ServerOptions, serve_until_signal
from mayfly_runtime.telemetry import Telemetry

async def hold(request, context):
    print("held", flush=True)
    await asyncio.sleep(0.3 if request == b"short" else 3600)
    return b"done"

def register(servicer, server):
    server.add_registered_method_handlers("t.T", {"Hold": grpc.unary_unary_rpc_method_handler(hold)})

async def main():
    options = ServerOptions(listen="127.0.0.1:0", drain=timedelta(seconds=float(sys.argv[1])))
    servers = []
    for _ in range(2):
        builder = ServerBuilder(options, domain="t", errors={}, callers=CallerRegistry.loopback_only(),
                                telemetry=Telemetry.disabled())
        servers.append(await builder.add(register, None, service="t.T").start())
    print(servers[0].address, flush=True)
    await serve_until_signal(*servers)
    print("stopped", flush=True)

logs.configure()
asyncio.run(main())
"""


class Process:
    """A server in a process of its own, since signals are a process's affair."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.address = ""

    async def line(self) -> str:
        assert self.process.stdout is not None
        return (await asyncio.wait_for(self.process.stdout.readline(), PATIENCE)).decode().strip()

    async def said(self, event: str) -> None:
        assert self.process.stderr is not None
        while event not in (line := await asyncio.wait_for(self.process.stderr.readline(), PATIENCE)).decode():
            assert line, f"the process never said {event}"


@pytest.fixture
async def process_for() -> AsyncIterator[Any]:
    started = []

    async def start(drain: float) -> Process:
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", PROCESS, str(drain), stdout=pipe, stderr=pipe
        )
        started.append(process)
        running = Process(process)
        running.address = await running.line()
        return running

    yield start
    for process in started:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_drains_every_server_of_the_process(number: signal.Signals, process_for: Any) -> None:
    running = await process_for(PATIENCE)
    async with grpc.aio.insecure_channel(running.address) as channel:
        call = channel.unary_unary("/t.T/Hold")(b"short")
        assert await running.line() == "held"

        running.process.send_signal(number)

        assert await call == b"done"
        assert await running.line() == "stopped"
    assert await asyncio.wait_for(running.process.wait(), PATIENCE) == 0


async def test_a_second_signal_stops_at_once(process_for: Any) -> None:
    running = await process_for(3600)
    async with grpc.aio.insecure_channel(running.address) as channel:
        call = asyncio.ensure_future(channel.unary_unary("/t.T/Hold")(b"long"))
        assert await running.line() == "held"

        running.process.send_signal(signal.SIGTERM)
        await running.said("draining")
        running.process.send_signal(signal.SIGTERM)

        assert await running.line() == "stopped"
        with pytest.raises(grpc.aio.AioRpcError):
            await call
    assert await asyncio.wait_for(running.process.wait(), PATIENCE) == 0

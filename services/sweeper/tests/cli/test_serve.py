from __future__ import annotations

import asyncio
import re
import signal
import sys
import uuid
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import grpc.aio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from mayfly.sweeper.v1 import sweeper_service_pb2 as pb
from mayfly.sweeper.v1.sweep_pb2 import Sweep
from mayfly.sweeper.v1.sweeper_service_pb2_grpc import SweeperServiceStub

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    import pytest

    from mayfly_sweeper.testing import FakeRetention

    from .conftest import Run


@asynccontextmanager
async def serving(environment: dict[str, str]) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """A server process and its address; it is killed if a test leaves it running."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "mayfly_sweeper", "serve", env=environment, stderr=asyncio.subprocess.PIPE
    )
    try:
        yield process, await _address(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def _address(process: asyncio.subprocess.Process) -> str:
    assert process.stderr is not None
    async for line in process.stderr:
        if found := re.search(r"serving address=(\S+)", line.decode()):
            return found[1]
    raise AssertionError("the server ended before it served")


async def test_on_sigterm_a_running_sweep_stops_between_pages_and_its_watcher_sees_it(
    store: FakeRetention, environment: Callable[..., dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(6):
        store.add(f"audio/{number}")
    async with serving(environment(page_size="2", listen="127.0.0.1:0")) as (process, address):
        async with grpc.aio.insecure_channel(address) as channel:
            _stop_at_the_second_page(store, process, channel, monkeypatch)
            stub = SweeperServiceStub(channel)
            begun = (await stub.StartSweep(pb.StartSweepRequest(request_id=str(uuid.uuid4())))).sweep
            seen = [response.sweep async for response in stub.WatchSweep(pb.WatchSweepRequest(name=begun.name))]
        code = await process.wait()

    assert code == 0
    assert seen[-1].state == Sweep.STATE_PARTIAL
    assert not seen[-1].report.listings_complete
    assert store.left == {"audio/4", "audio/5"}


def _stop_at_the_second_page(
    store: FakeRetention,
    process: asyncio.subprocess.Process,
    channel: grpc.aio.Channel,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Send SIGTERM while the second page is asked for, and answer it once the server says that it stops."""
    list_expired = store.list_expired

    async def stop_then_answer(*arguments: object) -> object:
        if "list_expired" in store.calls:
            health = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
            await health.read()
            process.send_signal(signal.SIGTERM)
            assert (await health.read()).status == health_pb2.HealthCheckResponse.NOT_SERVING
        return await list_expired(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(store, "list_expired", stop_then_answer)


async def test_a_port_in_use_is_a_clear_error(run: Run, target: str) -> None:
    done = await run("serve", listen=target)

    assert done.code == 2
    assert f"The address {target} is in use by another process" in done.err
    assert "Traceback" not in done.err


async def test_the_start_shows_the_settings_without_the_token(environment: Callable[..., dict[str, str]]) -> None:
    settings = environment(listen="127.0.0.1:0", token="a-very-secret-token")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "mayfly_sweeper", "serve", env=settings, stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr is not None
    shown = await process.stderr.readuntil(b"serving")
    process.send_signal(signal.SIGTERM)
    await process.communicate()

    assert b"MAYFLY_SWEEPER_RETENTION_TARGET" in shown
    assert b"a-very-secret-token" not in shown

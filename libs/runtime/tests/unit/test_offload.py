from __future__ import annotations

import asyncio
import contextvars
import gc
import threading
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from mayfly_runtime.offload import Offload, OffloadClosedError, OffloadFullError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PATIENCE = 10
variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable")


@pytest.fixture
async def offload() -> AsyncIterator[Offload]:
    """One worker, and one place to wait."""
    pool = Offload(name="test", workers=1, queue=1)
    yield pool
    await pool.shutdown()


class Gate:
    """Blocking work that ends when the test says so."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.entered = threading.Event()

    def work(self, result: str = "done") -> str:
        self.entered.set()
        assert self.open.wait(PATIENCE)
        return result


async def entered(gate: Gate) -> None:
    assert await asyncio.to_thread(gate.entered.wait, PATIENCE)


async def test_work_runs_in_a_thread_of_the_pool_and_answers(offload: Offload) -> None:
    name = await offload(lambda: threading.current_thread().name)

    assert name.startswith("offload-test")


async def test_arguments_and_exceptions_pass_through(offload: Offload) -> None:
    assert await offload(int, "ff", base=16) == 255
    with pytest.raises(ValueError, match="invalid literal"):
        await offload(int, "zz", base=16)


async def test_work_sees_the_callers_context(offload: Offload) -> None:
    variable.set("from the caller")

    assert await offload(variable.get) == "from the caller"


async def test_what_work_sets_in_its_context_stays_there(offload: Offload) -> None:
    variable.set("outside")

    await offload(variable.set, "inside")

    assert variable.get() == "outside"


async def test_work_beyond_the_queue_is_refused_at_once(offload: Offload) -> None:
    gate = Gate()
    admitted = [asyncio.create_task(offload(gate.work)) for _ in range(2)]
    await entered(gate)

    with pytest.raises(OffloadFullError) as raised:
        await offload(gate.work)

    assert (raised.value.name, raised.value.limit, offload.in_use) == ("test", 2, 2)
    gate.open.set()
    assert await asyncio.gather(*admitted) == ["done", "done"]


async def test_a_slot_comes_back_when_work_ends(offload: Offload) -> None:
    for _ in range(20):
        assert await offload(str, 1) == "1"

    assert offload.in_use == 0


async def test_a_cancelled_caller_frees_no_slot_before_the_work_ends(offload: Offload) -> None:
    gate = Gate()
    running = asyncio.create_task(offload(gate.work))
    await entered(gate)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    assert offload.in_use == 1
    gate.open.set()
    assert await offload(str, "next") == "next"


async def test_cancelled_work_that_still_waits_is_never_begun(offload: Offload) -> None:
    first, second = Gate(), Gate()
    running = asyncio.create_task(offload(first.work))
    await entered(first)
    waiting = asyncio.create_task(offload(second.work))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting

    assert offload.in_use == 1
    first.open.set()
    await running
    assert not second.entered.is_set()


async def test_shutdown_waits_for_running_work_and_drops_the_rest() -> None:
    pool, first, second = Offload(name="test", workers=1, queue=1), Gate(), Gate()
    running = asyncio.create_task(pool(first.work))
    await entered(first)
    waiting = asyncio.create_task(pool(second.work))
    await asyncio.sleep(0)

    stopping = asyncio.create_task(pool.shutdown(wait=timedelta(seconds=PATIENCE)))
    await asyncio.sleep(0)
    first.open.set()

    assert await stopping
    assert await running == "done"
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_shutdown_does_not_wait_for_ever() -> None:
    pool, gate = Offload(name="test", workers=1, queue=0), Gate()
    running = asyncio.create_task(pool(gate.work))
    await entered(gate)

    assert not await pool.shutdown(wait=timedelta(milliseconds=10))

    gate.open.set()
    assert await running == "done"


async def test_a_closed_pool_takes_no_work(offload: Offload) -> None:
    assert await offload.shutdown()

    with pytest.raises(OffloadClosedError):
        await offload(str)


@pytest.mark.parametrize(("workers", "queue"), [(0, 1), (1, -1)])
def test_a_pool_that_could_do_nothing_is_refused(workers: int, queue: int) -> None:
    with pytest.raises(ValueError, match="workers >= 1 and queue >= 0"):
        Offload(name="test", workers=workers, queue=queue)


async def test_work_that_fails_while_the_pool_closes_is_nobodys_and_is_not_logged(
    offload: Offload, caplog: pytest.LogCaptureFixture
) -> None:
    gate = Gate()
    gc.collect()  # what other tests have left is told now
    caplog.clear()

    def fail() -> None:
        gate.work()
        raise ConnectionError("the store went away")

    caller = asyncio.ensure_future(offload(fail))
    await asyncio.to_thread(gate.entered.wait, PATIENCE)
    caller.cancel()
    closing = asyncio.ensure_future(offload.shutdown())
    await asyncio.sleep(0)
    gate.open.set()

    assert await closing
    del caller, closing
    gc.collect()  # asyncio tells of unheard failures when they are collected
    assert caplog.records == []

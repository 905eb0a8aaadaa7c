from __future__ import annotations

import asyncio
import contextvars
import uuid
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from mayfly_sweeper.domain.errors import (
    RequestIdReusedError,
    ShuttingDownError,
    SweepNotFoundError,
    SweepRunningError,
    TooManySweepsError,
)
from mayfly_sweeper.domain.report import Report
from mayfly_sweeper.domain.sweep import Ending, Phase, Progress, Sweep, SweepOrder, SweepState
from mayfly_sweeper.usecases.sweeps import MAX_DRY_RUNS, Sweeps

if TYPE_CHECKING:
    from collections.abc import Callable

    from mayfly_runtime.testing import FakeClock

REAL = SweepOrder(time_budget=timedelta(minutes=5))
DRY = replace(REAL, dry_run=True)


class HeldEngine:
    """An engine that runs until it is told to go on, or to stop."""

    def __init__(self) -> None:
        self.started = asyncio.Event()
        self.go_on = asyncio.Event()
        self.fault: Exception | None = None
        self.on_progress: Callable[[Progress], None] = lambda _: None

    async def __call__(
        self, order: SweepOrder, *, on_progress: Callable[[Progress], None], stop: Callable[[], bool]
    ) -> Ending:
        self.on_progress = on_progress
        self.started.set()
        await self.go_on.wait()
        if self.fault:
            raise self.fault
        state = SweepState.PARTIAL if stop() else SweepState.CLEAN
        return Ending(state=state, report=Report(listings_complete=not stop()))


@pytest.fixture
async def held() -> HeldEngine:
    return HeldEngine()


@pytest.fixture
async def sweeps(held: HeldEngine, clock: FakeClock) -> Sweeps:
    return Sweeps(held, now=clock.now, new_id=uuid.uuid4, capacity=3)


def start(sweeps: Sweeps, order: SweepOrder = REAL) -> Sweep:
    return sweeps.start(order, request_id=str(uuid.uuid4()))


async def ended(sweeps: Sweeps, name: str) -> Sweep:
    """The last state that a watcher sees."""
    return [sweep async for sweep in sweeps.watch(name)][-1]


async def test_a_sweep_runs_in_the_background_and_ends(sweeps: Sweeps, held: HeldEngine, clock: FakeClock) -> None:
    begun = start(sweeps)
    clock.advance(7)
    held.go_on.set()

    last = await ended(sweeps, begun.name)

    assert begun.state is SweepState.RUNNING
    assert last.state is SweepState.CLEAN
    assert last.end_time == begun.start_time + timedelta(seconds=7)
    assert sweeps.get(begun.name) == last


async def test_the_same_request_gets_the_sweep_that_it_began(sweeps: Sweeps, held: HeldEngine) -> None:
    request_id = str(uuid.uuid4())
    first = sweeps.start(REAL, request_id=request_id)
    assert sweeps.start(REAL, request_id=request_id).name == first.name
    held.go_on.set()
    await ended(sweeps, first.name)

    again = sweeps.start(REAL, request_id=request_id)

    assert (again.name, again.state) == (first.name, SweepState.CLEAN)


async def test_a_request_id_does_not_begin_two_different_sweeps(sweeps: Sweeps, held: HeldEngine) -> None:
    request_id = str(uuid.uuid4())
    sweeps.start(DRY, request_id=request_id)
    held.go_on.set()

    with pytest.raises(RequestIdReusedError):
        sweeps.start(REAL, request_id=request_id)


async def test_one_real_sweep_runs_at_a_time(sweeps: Sweeps, held: HeldEngine) -> None:
    running = start(sweeps)

    with pytest.raises(SweepRunningError) as refused:
        start(sweeps)

    assert refused.value.name == running.name
    held.go_on.set()
    await ended(sweeps, running.name)
    start(sweeps)


async def test_dry_runs_run_beside_a_real_sweep_up_to_a_bound(sweeps: Sweeps, held: HeldEngine) -> None:
    start(sweeps)
    for _ in range(MAX_DRY_RUNS):
        start(sweeps, DRY)

    with pytest.raises(TooManySweepsError):
        start(sweeps, DRY)

    held.go_on.set()


async def test_a_watcher_sees_the_start_each_change_and_the_end(sweeps: Sweeps, held: HeldEngine) -> None:
    begun = start(sweeps)
    watch = sweeps.watch(begun.name)
    seen = [await anext(watch)]
    await held.started.wait()
    held.on_progress(Progress(phase=Phase.EXPIRED, report=Report(objects_seen=5)))
    seen.append(await anext(watch))
    held.go_on.set()
    seen += [sweep async for sweep in watch]

    assert [(sweep.state, sweep.report.objects_seen) for sweep in seen] == [
        (SweepState.RUNNING, 0),
        (SweepState.RUNNING, 5),
        (SweepState.CLEAN, 0),
    ]


async def test_a_slow_watcher_gets_the_newest_state_only(sweeps: Sweeps, held: HeldEngine) -> None:
    begun = start(sweeps)
    watch = sweeps.watch(begun.name)
    await anext(watch)
    await held.started.wait()
    for seen in range(1, 100):
        held.on_progress(Progress(phase=Phase.EXPIRED, report=Report(objects_seen=seen)))

    assert (await anext(watch)).report.objects_seen == 99
    held.go_on.set()


async def test_the_newest_sweeps_are_remembered_and_older_ones_forgotten(sweeps: Sweeps, held: HeldEngine) -> None:
    held.go_on.set()
    names = []
    for _ in range(5):
        names.append(start(sweeps).name)
        await ended(sweeps, names[-1])

    page = sweeps.page(size=10, before=None)

    assert [sweep.name for sweep in page.sweeps] == names[:1:-1]
    with pytest.raises(SweepNotFoundError):
        sweeps.get(names[0])


async def test_pages_cover_every_sweep_once(sweeps: Sweeps, held: HeldEngine) -> None:
    held.go_on.set()
    names = []
    for _ in range(3):
        names.append(start(sweeps).name)
        await ended(sweeps, names[-1])

    first = sweeps.page(size=2, before=None)
    second = sweeps.page(size=2, before=first.last)

    assert [sweep.name for sweep in (*first.sweeps, *second.sweeps)] == names[::-1]
    assert second.last is None


async def test_a_fault_ends_the_sweep_without_telling_its_text(sweeps: Sweeps, held: HeldEngine) -> None:
    held.fault = RuntimeError("a secret")
    begun = start(sweeps)
    held.go_on.set()

    last = await ended(sweeps, begun.name)

    assert last.state is SweepState.FAILED
    assert last.failure == "An internal fault ended the sweep."


async def test_stopping_lets_a_sweep_end_as_partial(sweeps: Sweeps, held: HeldEngine) -> None:
    begun = start(sweeps)
    stopping = asyncio.ensure_future(sweeps.stop(within=timedelta(seconds=30)))
    await asyncio.sleep(0)
    held.go_on.set()
    await stopping

    assert sweeps.get(begun.name).state is SweepState.PARTIAL
    with pytest.raises(ShuttingDownError):
        start(sweeps)


async def test_a_sweep_that_does_not_stop_in_time_is_cancelled_and_seen_to_end(
    sweeps: Sweeps, held: HeldEngine
) -> None:
    begun = start(sweeps)
    await held.started.wait()

    await sweeps.stop(within=timedelta(0))

    assert sweeps.get(begun.name).state is SweepState.FAILED


async def test_a_sweep_does_not_inherit_the_deadline_of_the_call_that_began_it(clock: FakeClock) -> None:
    deadline: contextvars.ContextVar[float] = contextvars.ContextVar("deadline")
    seen: list[float | None] = []

    async def engine(_order: SweepOrder, **_: object) -> Ending:
        seen.append(deadline.get(None))
        return Ending(state=SweepState.CLEAN, report=Report())

    sweeps = Sweeps(engine, now=clock.now, new_id=uuid.uuid4, capacity=3)
    deadline.set(0.1)
    begun = start(sweeps)
    await ended(sweeps, begun.name)

    assert seen == [None]


async def test_whoever_asked_is_told_once_about_each_end(held: HeldEngine, clock: FakeClock) -> None:
    told: list[tuple[str, SweepState]] = []
    sweeps = Sweeps(
        held,
        now=clock.now,
        new_id=uuid.uuid4,
        capacity=3,
        on_end=lambda sweep, ending: told.append((sweep.name, ending.state)),
    )
    begun = start(sweeps)
    held.go_on.set()
    await ended(sweeps, begun.name)

    assert told == [(begun.name, SweepState.CLEAN)]

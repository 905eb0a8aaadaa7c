from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from mayfly_sweeper.domain.errors import StorageUnavailableError
from mayfly_sweeper.domain.items import DueReason
from mayfly_sweeper.domain.sweep import SweepState

if TYPE_CHECKING:
    from mayfly_runtime.testing import FakeClock
    from mayfly_sweeper.domain.sweep import SweepOrder
    from mayfly_sweeper.testing import FakeRetention
    from mayfly_sweeper.usecases.sweep import SweepEngine


@pytest.mark.parametrize("skew", [timedelta(minutes=6), timedelta(minutes=-6)])
async def test_a_clock_that_is_off_stops_a_sweep_before_it_deletes(
    engine: SweepEngine, order: SweepOrder, retention: FakeRetention, clock: FakeClock, skew: timedelta
) -> None:
    retention.add("audio/1")
    retention.now = lambda: clock.now() + skew

    ending = await engine(order)

    assert ending.state is SweepState.GUARDED
    assert retention.left == {"audio/1"}
    assert "360 s apart; 300 s are allowed" in ending.failure


async def test_a_small_skew_is_allowed(
    engine: SweepEngine, order: SweepOrder, retention: FakeRetention, clock: FakeClock
) -> None:
    retention.add("audio/1")
    retention.now = lambda: clock.now() + timedelta(minutes=5)

    ending = await engine(order)

    assert ending.state is SweepState.CLEAN
    assert retention.left == set()


async def test_a_dry_run_with_a_wrong_clock_goes_on_and_says_so(
    engine: SweepEngine, order: SweepOrder, retention: FakeRetention, clock: FakeClock
) -> None:
    retention.add("audio/1")
    retention.now = lambda: clock.now() + timedelta(hours=1)

    ending = await engine(replace(order, dry_run=True))

    assert ending.report.deleted == 1
    assert "A real sweep would be stopped" in ending.notes[0]


async def test_more_than_the_allowed_count_deletes_nothing(
    engine: SweepEngine, order: SweepOrder, retention: FakeRetention
) -> None:
    for number in range(4):
        retention.add(f"audio/{number}")
    retention.add("key/orphan", reason=DueReason.ORPHAN_OBJECT)

    ending = await engine(replace(order, max_delete_count=4))

    assert ending.state is SweepState.GUARDED
    assert len(retention.left) == 5
    assert "max_delete_count allows 4" in ending.failure


async def test_counting_stops_as_soon_as_the_guard_knows(
    engine: SweepEngine, order: SweepOrder, retention: FakeRetention
) -> None:
    for number in range(100):
        retention.add(f"audio/{number:03}")

    await engine(replace(order, max_delete_count=4))

    assert retention.calls == ["list_expired", "list_expired"]


async def test_as_many_as_allowed_are_deleted(engine: SweepEngine, order: SweepOrder, retention: FakeRetention) -> None:
    for number in range(4):
        retention.add(f"audio/{number}")
    retention.add("audio/dangling", reason=DueReason.DANGLING_ROW)

    ending = await engine(replace(order, max_delete_count=4))

    assert ending.state is SweepState.CLEAN
    assert retention.left == {"audio/dangling"}


async def test_what_callers_have_deleted_counts_for_no_guard(
    engine: SweepEngine, order: SweepOrder, retention: FakeRetention
) -> None:
    """A person was forgotten, say: nothing but tombstones is left of all that audio."""
    for number in range(9):
        retention.add(f"audio/{number}", reason=DueReason.REQUESTED)
    retention.add("audio/expired")

    ending = await engine(replace(order, max_delete_count=1, max_delete_ratio=1))

    assert (ending.state, retention.left) == (SweepState.CLEAN, set())


async def test_what_becomes_due_after_counting_is_left_to_the_next_sweep(
    engine: SweepEngine, order: SweepOrder, retention: FakeRetention
) -> None:
    for number in range(4):
        retention.add(f"audio/{number}")

    def more_becomes_due(method: str) -> None:
        if method == "purge" and retention.calls.count("purge") == 0:
            for number in range(4, 8):
                retention.add(f"audio/{number}", late=0)

    retention.before_call = more_becomes_due

    ending = await engine(replace(order, max_delete_count=5))

    assert ending.state is SweepState.PARTIAL
    assert ending.report.deleted == 5
    assert ending.report.found == 5
    assert len(retention.left) == 3


async def test_a_count_that_cannot_be_finished_deletes_nothing(
    engine: SweepEngine, order: SweepOrder, retention: FakeRetention
) -> None:
    for number in range(4):
        retention.add(f"audio/{number}")
    retention.faults.calls["list_expired", 2] = StorageUnavailableError("storage does not answer")

    ending = await engine(replace(order, max_delete_count=100))

    assert ending.state is SweepState.FAILED
    assert len(retention.left) == 4


async def test_a_count_that_takes_all_the_time_deletes_nothing(
    engine: SweepEngine, order: SweepOrder, retention: FakeRetention, clock: FakeClock
) -> None:
    for number in range(9):
        retention.add(f"audio/{number}")
    retention.before_call = lambda _method: clock.advance(200) and None

    ending = await engine(replace(order, max_delete_count=100))

    assert ending.state is SweepState.PARTIAL
    assert len(retention.left) == 9
    assert ending.notes == ("The time budget of 300 s was used up.",)


async def test_a_dry_run_tells_that_the_guard_would_stop_a_real_one(
    engine: SweepEngine, order: SweepOrder, retention: FakeRetention
) -> None:
    for number in range(4):
        retention.add(f"audio/{number}")

    ending = await engine(replace(order, dry_run=True, max_delete_count=3))

    assert ending.report.deleted == 4
    assert ending.notes == ("A real sweep would be stopped: max_delete_count allows 3.",)

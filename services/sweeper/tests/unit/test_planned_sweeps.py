"""A plan, carried out: exactly that, but for what has changed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from mayfly_sweeper.domain.errors import StorageUnavailableError
from mayfly_sweeper.domain.items import DueItem, DueReason, Outcome, Page, PurgeResult, Scope
from mayfly_sweeper.domain.selection import Passes, Selection, Shard, Store
from mayfly_sweeper.domain.sweep import SweepState

if TYPE_CHECKING:
    from mayfly_runtime.testing import FakeClock
    from mayfly_sweeper.domain.sweep import SweepOrder
    from mayfly_sweeper.testing import FakeRetention
    from mayfly_sweeper.usecases.sweep import SweepEngine


class Remembered:
    """A plan in memory, made by a dry run."""

    def __init__(self) -> None:
        self.items: list[DueItem] = []

    def add(self, item: DueItem, result: PurgeResult) -> None:
        if result.outcome is Outcome.DELETED:
            self.items.append(item)

    async def page(self, scope: Scope, token: str) -> Page:
        begin = int(token or 0)
        end = begin + scope.page_size
        more = str(end) if end < len(self.items) else ""
        made = self.items[0].due_time
        assert made is not None
        return Page(items=tuple(self.items[begin:end]), store_time=made, next_page_token=more)


@pytest.fixture
async def plan(engine: SweepEngine, order: SweepOrder, retention: FakeRetention) -> Remembered:
    """Seven items, planned."""
    for number in range(7):
        retention.add(f"audio/{number}")
    plan = Remembered()
    await engine(replace(order, dry_run=True), on_result=plan.add)
    assert len(plan.items) == 7
    return plan


async def test_exactly_what_was_planned_goes(
    engine: SweepEngine, order: SweepOrder, retention: FakeRetention, plan: Remembered
) -> None:
    retention.add("audio/later")

    ending = await engine(order, plan=plan.page)

    assert ending.state is SweepState.CLEAN
    assert retention.left == {"audio/later"}
    assert (ending.report.deleted, ending.report.verified_gone) == (7, 7)


async def test_what_has_changed_since_stays(
    engine: SweepEngine, order: SweepOrder, retention: FakeRetention, plan: Remembered
) -> None:
    retention.revive("audio/3")

    ending = await engine(order, plan=plan.page)

    assert retention.left == {"audio/3"}
    assert (ending.report.deleted, ending.report.skipped) == (6, 1)


async def test_a_plan_twice_finds_nothing_left(
    engine: SweepEngine, order: SweepOrder, retention: FakeRetention, plan: Remembered
) -> None:
    await engine(order, plan=plan.page)
    again = await engine(order, plan=plan.page)

    assert again.state is SweepState.CLEAN
    assert (again.report.deleted, again.report.already_gone) == (0, 7)


async def test_guards_hold_for_plans_too(
    engine: SweepEngine, order: SweepOrder, retention: FakeRetention, plan: Remembered, clock: FakeClock
) -> None:
    ending = await engine(replace(order, max_delete_count=6), plan=plan.page)
    assert ending.state is SweepState.GUARDED

    now = clock.now()
    retention.now = lambda: now + timedelta(hours=1)
    ending = await engine(order, plan=plan.page)
    assert ending.state is SweepState.GUARDED
    assert len(retention.left) == 7


async def test_a_plan_needs_a_storage_that_answers(
    engine: SweepEngine, order: SweepOrder, retention: FakeRetention, plan: Remembered
) -> None:
    retention.faults.calls["list_expired", retention.calls.count("list_expired") + 1] = StorageUnavailableError("down")

    ending = await engine(order, plan=plan.page)

    assert ending.state is SweepState.FAILED
    assert len(retention.left) == 7


async def test_only_what_was_selected_goes(engine: SweepEngine, order: SweepOrder, retention: FakeRetention) -> None:
    retention.add("audio/old", late=3 * 86_400, object_key="processed-audio/a")
    retention.add("audio/new", late=60, object_key="processed-audio/b")
    retention.add("audio/elsewhere", late=3 * 86_400, object_key="temp-audio/c")
    retention.add("audio/far", late=3 * 86_400, object_key="processed-audio/d", location="S3")
    selection = Selection(path="processed-audio/", older_than=timedelta(days=2), store=Store.LOCAL)

    ending = await engine(replace(order, selection=selection))

    assert retention.left == {"audio/new", "audio/elsewhere", "audio/far"}
    assert ending.state is SweepState.CLEAN


async def test_shards_share_the_work_without_a_rest(
    engine: SweepEngine, order: SweepOrder, retention: FakeRetention
) -> None:
    for number in range(20):
        retention.add(f"audio/{number}")
        retention.add(f"key/{number}", reason=DueReason.ORPHAN_OBJECT)

    shares = [
        await engine(replace(order, selection=Selection(shard=Shard(index=index, count=3)))) for index in range(3)
    ]

    assert retention.left == set()
    assert sum(ending.report.deleted for ending in shares) == 40
    assert all(ending.report.deleted for ending in shares)


@pytest.mark.parametrize(("passes", "left"), [(Passes.DUE, {"key/orphan"}), (Passes.ORPHANS, {"audio/1"})])
async def test_one_pass_leaves_the_other_alone(
    engine: SweepEngine, order: SweepOrder, retention: FakeRetention, passes: Passes, left: set[str]
) -> None:
    retention.add("audio/1")
    retention.add("key/orphan", reason=DueReason.ORPHAN_OBJECT)

    await engine(replace(order, passes=passes))

    assert retention.left == left


async def test_where_the_bytes_lay_is_counted(engine: SweepEngine, order: SweepOrder, retention: FakeRetention) -> None:
    for number, location in enumerate(["LOCAL", "S3", "S3"]):
        retention.add(f"audio/{number}", location=location)

    ending = await engine(order)

    assert ending.report.deleted_by_store == {"LOCAL": 1, "S3": 2}


async def test_too_large_a_share_stops_a_sweep(
    engine: SweepEngine, order: SweepOrder, retention: FakeRetention
) -> None:
    for number in range(6):
        retention.add_live_object(f"key/{number}")
    for number in range(4):
        retention.add(f"key/orphan-{number}", reason=DueReason.ORPHAN_OBJECT)

    stopped = await engine(replace(order, max_delete_ratio=0.3))
    assert stopped.state is SweepState.GUARDED
    assert "40% of the 10 objects" in stopped.failure
    assert len(retention.left) == 10

    allowed = await engine(replace(order, max_delete_ratio=0.4))
    assert allowed.state is SweepState.CLEAN
    assert len(retention.left) == 6

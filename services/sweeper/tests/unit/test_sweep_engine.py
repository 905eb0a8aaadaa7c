"""One sweep over a storage that does what it is told. What fails: test_partial_sweeps.py."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from mayfly_sweeper.domain.items import DueReason
from mayfly_sweeper.domain.report import Line
from mayfly_sweeper.domain.selection import Selection
from mayfly_sweeper.domain.sweep import Phase, Progress, SweepState

if TYPE_CHECKING:
    import pytest

    from mayfly_runtime.testing import FakeClock
    from mayfly_sweeper.domain.sweep import SweepOrder
    from mayfly_sweeper.testing import FakeRetention
    from mayfly_sweeper.usecases.sweep import SweepEngine


async def test_nothing_due_is_a_clean_sweep(engine: SweepEngine, order: SweepOrder, clock: FakeClock) -> None:
    ending = await engine(order)

    assert ending.state is SweepState.CLEAN
    assert ending.report.lines == ()
    assert ending.report.listings_complete
    assert ending.report.store_time == clock.now()


async def test_everything_due_is_deleted_verified_and_counted_by_reason(
    engine: SweepEngine, order: SweepOrder, retention: FakeRetention
) -> None:
    for number in range(7):
        retention.add(f"audio/{number}")
    retention.add("audio/pending", reason=DueReason.ABANDONED, size_bytes=7)
    retention.add("key/orphan", reason=DueReason.ORPHAN_OBJECT)
    retention.add("key/parts", reason=DueReason.ORPHAN_MULTIPART)

    ending = await engine(order)

    assert ending.state is SweepState.CLEAN
    assert retention.left == set()
    assert ending.report.lines == (
        Line(reason=DueReason.EXPIRED, found=7, deleted=7, size_bytes=700),
        Line(reason=DueReason.ABANDONED, found=1, deleted=1, size_bytes=7),
        Line(reason=DueReason.ORPHAN_OBJECT, found=1, deleted=1, size_bytes=100),
        Line(reason=DueReason.ORPHAN_MULTIPART, found=1, deleted=1, size_bytes=100),
    )
    assert ending.report.verified_gone == 10
    assert ending.report.still_there == 0


async def test_live_objects_are_seen_and_left(engine: SweepEngine, order: SweepOrder, retention: FakeRetention) -> None:
    for number in range(8):
        retention.add_live_object(f"key/live-{number}")
    retention.add("key/orphan", reason=DueReason.ORPHAN_OBJECT)

    ending = await engine(order)

    assert ending.report.objects_seen == 9
    assert ending.report.deleted == 1
    assert len(retention.left) == 8


async def test_orphans_of_sparse_pages_are_deleted_in_one_batch(
    engine: SweepEngine, order: SweepOrder, retention: FakeRetention
) -> None:
    for number in range(20):
        retention.add_live_object(f"key/{number:02}")
    for number in (3, 9, 17):
        retention.add(f"key/{number:02}-orphan", reason=DueReason.ORPHAN_OBJECT)

    await engine(order)

    assert retention.calls.count("purge") == 1


async def test_what_became_live_is_skipped_and_stays(
    engine: SweepEngine, order: SweepOrder, retention: FakeRetention
) -> None:
    retention.add("audio/retained")
    retention.revive("audio/retained")
    retention.add("audio/expired")

    ending = await engine(order)

    assert ending.state is SweepState.CLEAN
    assert retention.left == {"audio/retained"}
    assert ending.report.lines == (Line(reason=DueReason.EXPIRED, found=2, deleted=1, skipped=1, size_bytes=100),)


async def test_nothing_is_verified_where_nothing_was_deleted(
    engine: SweepEngine, order: SweepOrder, retention: FakeRetention
) -> None:
    retention.add("audio/retained")
    retention.revive("audio/retained")

    await engine(order)

    assert "verify_gone" not in retention.calls


async def test_an_item_without_a_due_time_is_not_late(
    engine: SweepEngine, order: SweepOrder, retention: FakeRetention
) -> None:
    retention.add("audio/1", due_time=None)

    ending = await engine(order)

    assert ending.report.deleted == 1
    assert ending.report.max_lateness == timedelta(0)


async def test_dry_run_counts_the_same_and_deletes_nothing(
    engine: SweepEngine, order: SweepOrder, retention: FakeRetention
) -> None:
    for number in range(5):
        retention.add(f"audio/{number}")
    retention.revive("audio/3")

    ending = await engine(replace(order, dry_run=True))

    assert ending.state is SweepState.CLEAN
    assert len(retention.left) == 5
    assert (ending.report.deleted, ending.report.skipped) == (4, 1)
    assert ending.report.max_lateness == timedelta(0)
    assert "verify_gone" not in retention.calls


async def test_dangling_rows_are_reported_and_never_sent_to_be_deleted(
    engine: SweepEngine, order: SweepOrder, retention: FakeRetention, caplog: pytest.LogCaptureFixture
) -> None:
    retention.add("audio/dangling", reason=DueReason.DANGLING_ROW)

    ending = await engine(order)

    assert "purge" not in retention.calls
    assert ending.report.lines == (Line(reason=DueReason.DANGLING_ROW, found=1, skipped=1),)
    assert [record.item for record in caplog.records if record.msg == "item_reported"] == ["audio/dangling"]


async def test_lateness_is_the_greatest_by_the_stores_clock(
    engine: SweepEngine, order: SweepOrder, retention: FakeRetention
) -> None:
    retention.add("audio/1", late=30)
    retention.add("audio/2", late=1_000)
    retention.add("audio/3", late=90)

    ending = await engine(order)

    assert ending.report.max_lateness == timedelta(seconds=1_000)


async def test_the_time_budget_stops_a_sweep_between_two_pages(
    engine: SweepEngine, order: SweepOrder, retention: FakeRetention, clock: FakeClock
) -> None:
    for number in range(9):
        retention.add(f"audio/{number}")
    retention.before_call = lambda method: None if method != "purge" else clock.advance(200) and None

    ending = await engine(order)

    assert ending.state is SweepState.PARTIAL
    assert ending.report.deleted == 6
    assert not ending.report.listings_complete
    assert ending.notes == ("The time budget of 300 s was used up.",)


async def test_a_sweep_that_is_asked_to_stop_finishes_its_page(
    engine: SweepEngine, order: SweepOrder, retention: FakeRetention
) -> None:
    for number in range(9):
        retention.add(f"audio/{number}")

    ending = await engine(order, stop=lambda: "purge" in retention.calls)

    assert ending.state is SweepState.PARTIAL
    assert ending.report.deleted == 3
    assert ending.report.found == 3


async def test_a_collection_limits_a_sweep(engine: SweepEngine, order: SweepOrder, retention: FakeRetention) -> None:
    retention.add("audio/temp", collection="temp-audio")
    retention.add("audio/debug", collection="debug")

    await engine(replace(order, selection=Selection(collection="debug")))

    assert retention.left == {"audio/temp"}


async def test_progress_is_told_page_by_page(engine: SweepEngine, order: SweepOrder, retention: FakeRetention) -> None:
    for number in range(4):
        retention.add(f"audio/{number}")
    told: list[Progress] = []

    await engine(replace(order, max_delete_count=10), on_progress=told.append)

    assert [progress.phase for progress in told if progress.phase is Phase.COUNTING]
    assert [progress.report.found for progress in told if progress.phase is Phase.EXPIRED] == [3, 3, 4]
    assert told[-1].due == 4


async def test_every_deleted_item_is_logged_when_asked_to(
    engine: SweepEngine, order: SweepOrder, retention: FakeRetention, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="mayfly.sweeper")
    retention.add("audio/1")

    await engine(order)

    assert [record.item for record in caplog.records if record.msg == "item_deleted"] == ["audio/1"]

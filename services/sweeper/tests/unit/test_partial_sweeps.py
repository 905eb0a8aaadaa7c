"""Sweeps in which something fails: the rest goes on, nothing is counted that is not so, and the next one finishes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mayfly_sweeper.domain.errors import StorageRefusedError, StorageUnavailableError
from mayfly_sweeper.domain.items import DueReason
from mayfly_sweeper.domain.sweep import SweepState

if TYPE_CHECKING:
    from mayfly_sweeper.domain.sweep import SweepOrder
    from mayfly_sweeper.testing import FakeRetention
    from mayfly_sweeper.usecases.sweep import SweepEngine

DOWN = StorageUnavailableError("storage does not answer")
REFUSED = StorageRefusedError("There is no collection 'x'.", storage_reason="COLLECTION_UNKNOWN")


async def test_a_failed_item_is_logged_by_name_and_the_rest_goes_on(
    engine: SweepEngine, order: SweepOrder, retention: FakeRetention, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(7):
        retention.add(f"audio/{number}")
    retention.faults.items["audio/1"] = "BACKEND_UNAVAILABLE"

    ending = await engine(order)

    assert ending.state is SweepState.PARTIAL
    assert (ending.report.deleted, ending.report.failed) == (6, 1)
    assert retention.left == {"audio/1"}
    failed = [record for record in caplog.records if record.msg == "item_failed"]
    assert [(record.item, record.failure) for record in failed] == [("audio/1", "BACKEND_UNAVAILABLE")]


async def test_a_failed_batch_counts_as_failed_and_the_next_batch_is_tried(
    engine: SweepEngine, order: SweepOrder, retention: FakeRetention
) -> None:
    for number in range(6):
        retention.add(f"audio/{number}")
    retention.faults.calls["purge", 1] = DOWN

    ending = await engine(order)

    assert ending.state is SweepState.PARTIAL
    assert (ending.report.deleted, ending.report.failed) == (3, 3)


async def test_the_next_sweep_finishes_what_failed(
    engine: SweepEngine, order: SweepOrder, retention: FakeRetention
) -> None:
    for number in range(6):
        retention.add(f"audio/{number}")
    retention.faults.calls["purge", 1] = DOWN
    await engine(order)

    ending = await engine(order)

    assert ending.state is SweepState.CLEAN
    assert retention.left == set()


async def test_what_is_still_there_counts_as_failed_and_not_as_deleted(
    engine: SweepEngine, order: SweepOrder, retention: FakeRetention, caplog: pytest.LogCaptureFixture
) -> None:
    retention.add("audio/gone")
    retention.add("audio/zombie")
    retention.faults.survivors.add("audio/zombie")

    ending = await engine(order)

    assert ending.state is SweepState.PARTIAL
    assert (ending.report.deleted, ending.report.failed) == (1, 1)
    assert (ending.report.verified_gone, ending.report.still_there) == (1, 1)
    assert ("audio/zombie", "STILL_THERE") in [(record.item, record.failure) for record in caplog.records]


async def test_deletions_that_could_not_be_verified_are_no_clean_sweep(
    engine: SweepEngine, order: SweepOrder, retention: FakeRetention
) -> None:
    retention.add("audio/1")
    retention.faults.calls["verify_gone", 1] = DOWN

    ending = await engine(order)

    assert ending.state is SweepState.PARTIAL
    assert (ending.report.deleted, ending.report.verified_gone, ending.report.unverified) == (1, 0, 1)


async def test_a_listing_that_fails_does_not_stop_the_other(
    engine: SweepEngine, order: SweepOrder, retention: FakeRetention
) -> None:
    for number in range(5):
        retention.add(f"audio/{number}")
    retention.add("key/orphan", reason=DueReason.ORPHAN_OBJECT)
    retention.faults.calls["list_expired", 2] = DOWN

    ending = await engine(order)

    assert ending.state is SweepState.PARTIAL
    assert not ending.report.listings_complete
    assert ending.report.deleted == 4
    assert "expired audio was not read to its end" in ending.notes[0]


@pytest.mark.parametrize("error", [DOWN, REFUSED])
async def test_a_sweep_that_can_list_nothing_has_failed(
    engine: SweepEngine, order: SweepOrder, retention: FakeRetention, error: StorageUnavailableError
) -> None:
    retention.faults.calls["list_expired", 1] = error
    retention.faults.calls["list_orphans", 1] = error

    ending = await engine(order)

    assert ending.state is SweepState.FAILED
    assert ending.failure == str(error)


async def test_a_listing_without_end_is_left_at_once(
    engine: SweepEngine, order: SweepOrder, retention: FakeRetention
) -> None:
    retention.add("audio/1")
    retention.faults.stuck_listings = True

    ending = await engine(order)

    assert ending.state is SweepState.PARTIAL
    assert retention.calls.count("list_expired") == 2

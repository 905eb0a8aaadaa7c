"""The metrics of what is stored: the last count, and no count of their own."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from mayfly_storage.domain.errors import BackendUnavailableError
from mayfly_storage.domain.pricing import Prices
from mayfly_storage.testing import SOUND
from mayfly_storage.usage_gauges import UsageWatch, counting, offer_gauges
from mayfly_storage.usecases.usage import GetUsage, SharedCount

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mayfly_storage.domain.ports import Footprint
    from mayfly_storage.testing.stage import Stage

KEPT: dict[str, Any] = {"collection": "pitches", "key_fields": {"pitch_id": "p1"}}


class Turns:
    """A pause that ends when a test says so."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.go_on = asyncio.Event()

    async def __call__(self) -> None:
        self.begun.set()
        await self.go_on.wait()
        self.go_on.clear()

    async def one(self) -> None:
        await self.begun.wait()
        self.begun.clear()
        self.go_on.set()
        await self.begun.wait()


@pytest.fixture
def reader() -> InMemoryMetricReader:
    return InMemoryMetricReader()


@pytest.fixture
def usage(stage: Stage, reader: InMemoryMetricReader) -> Iterator[GetUsage]:
    provider = MeterProvider([reader])
    count = SharedCount(stage.catalog, stage.clock.now)
    made = GetUsage(count=count, collections=stage.world.collections, prices=Prices(thousand_puts=1_000))
    offer_gauges(provider.get_meter("test"), made)
    yield made
    provider.shutdown()


def read(reader: InMemoryMetricReader) -> dict[str, dict[str, float]]:
    """The value of each collection, by metric."""
    data = reader.get_metrics_data()
    metrics = [each for r in data.resource_metrics for s in r.scope_metrics for each in s.metrics] if data else []
    found: dict[str, dict[str, float]] = {}
    for each in metrics:
        for point in each.data.data_points:
            value = getattr(point, "value")  # noqa: B009 - points of gauges have it, which their common type does not say
            found.setdefault(each.name, {})[str((point.attributes or {})["collection"])] = value
    return found


async def test_there_is_nothing_to_read_before_the_first_count(reader: InMemoryMetricReader, usage: GetUsage) -> None:
    assert read(reader) == {}
    assert usage.latest is None


async def test_the_last_count_is_told_by_collection_however_often_one_asks(
    stage: Stage, reader: InMemoryMetricReader, usage: GetUsage
) -> None:
    await stage.saved()
    await stage.saved(**KEPT)
    await usage()
    stage.memory.catalog.failure = BackendUnavailableError("memory")

    answers = [read(reader) for _ in range(3)]

    assert answers[0] == answers[1] == answers[2]
    assert answers[0] == {
        "mayfly.storage.objects": {"temp-audio": 1, "pitches": 1},
        "mayfly.storage.size": {"temp-audio": len(SOUND), "pitches": len(SOUND)},
        "mayfly.storage.monthly_cost": {"temp-audio": pytest.approx(30.0), "pitches": 0.0},
    }


async def test_a_watch_counts_from_time_to_time_and_goes_on_after_a_failure(
    stage: Stage, usage: GetUsage, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    turns = Turns()
    running = asyncio.create_task(UsageWatch(usage, turns).run())
    stage.memory.catalog.failure = BackendUnavailableError("memory")
    await turns.one()
    assert usage.latest is None

    stage.memory.catalog.failure = None
    await stage.saved()
    await turns.one()
    assert usage.latest is not None
    assert [each.stored.objects for each in usage.latest.usage] == [1]
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert [r.getMessage() for r in caplog.records if r.name == "mayfly.storage.usage"] == [
        "usage.not_counted",
        "usage.counted",
    ]


async def test_a_period_of_nothing_counts_nothing(usage: GetUsage) -> None:
    before = asyncio.all_tasks()

    async with counting(usage, every=timedelta(0)):
        assert asyncio.all_tasks() == before


async def test_counting_ends_with_its_block(stage: Stage, usage: GetUsage) -> None:
    before, counted = asyncio.all_tasks(), asyncio.Event()

    async def measure() -> dict[str, Footprint]:
        counted.set()
        return {}

    stage.memory.catalog.measure = measure  # type: ignore[method-assign] # one that tells
    async with counting(usage, every=timedelta(milliseconds=1)):
        await counted.wait()

    assert asyncio.all_tasks() == before

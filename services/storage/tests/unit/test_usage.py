"""GetUsage: what is stored, counted rarely, and what it costs."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from mayfly_storage.domain.errors import BackendUnavailableError, CollectionUnknownError
from mayfly_storage.domain.ports import Footprint
from mayfly_storage.domain.pricing import AMAZON, ROW_READS, ROW_WRITES, Prices
from mayfly_storage.usecases.usage import GetUsage, SharedCount

if TYPE_CHECKING:
    from mayfly_storage.testing.stage import Stage

GB, MILLION = 2**30, 1_000_000
KEPT: dict[str, Any] = {"collection": "pitches", "key_fields": {"pitch_id": "p1"}}


async def test_each_collection_that_has_audio_is_told(stage: Stage) -> None:
    await stage.saved(b"four")
    await stage.saved(b"seven b")
    await stage.saved(b"ten bytes.", **KEPT)
    await stage.reserved(b"not here yet")

    found = await stage.storage.get_usage()

    assert found.count_time == stage.clock.now()
    assert [(each.collection, each.stored) for each in found.usage] == [
        ("pitches", Footprint(objects=1, size_bytes=10)),
        ("temp-audio", Footprint(objects=2, size_bytes=11)),
    ]


async def test_one_collection_is_told_alone_also_if_it_is_empty(stage: Stage) -> None:
    await stage.saved()

    assert [each.collection for each in (await stage.storage.get_usage("temp-audio")).usage] == ["temp-audio"]
    assert (await stage.storage.get_usage("debug")).usage == ()
    with pytest.raises(CollectionUnknownError):
        await stage.storage.get_usage("nothing")


async def test_audio_of_a_collection_that_is_configured_no_more_counts(stage: Stage) -> None:
    stage.catalog.instead["measure"] = counted({"old": Footprint(objects=3, size_bytes=GB)})

    [usage] = (await with_prices(stage, AMAZON)()).usage

    assert (usage.collection, usage.monthly_cost_micros) == ("old", 23_000)


def counted(found: dict[str, Footprint]) -> Any:
    async def measure() -> dict[str, Footprint]:
        return found

    return measure


def with_prices(stage: Stage, prices: Prices) -> GetUsage:
    count = SharedCount(stage.catalog, stage.clock.now)
    return GetUsage(count=count, collections=stage.world.collections, prices=prices)


ONE_LIFE = Prices(gb_month=0.02, thousand_puts=5, thousand_gets=4, gb_out=3, million_row_writes=2, million_row_reads=1)
CATALOG = ROW_WRITES * 2 + ROW_READS
"""Micros for the catalog's requests of one object."""


@pytest.mark.parametrize(
    ("stored", "lifetime", "micros"),
    [
        (Footprint(), timedelta(days=1), {}),
        (Footprint(objects=1, size_bytes=GB), None, {"storage": 20_000}),
        (Footprint(objects=1_000, size_bytes=0), None, {}),
        # What lives for a day is written, read, carried away and deleted thirty times in a month.
        (
            Footprint(objects=1_000, size_bytes=GB),
            timedelta(days=1),
            {
                "storage": 20_000,
                "writes": 30 * 5_000_000,
                "reads": 30 * 4_000_000,
                "transfer_out": 30 * 3_000_000,
                "catalog": 30_000 * CATALOG,
            },
        ),
        (
            Footprint(objects=10, size_bytes=2 * GB),
            timedelta(days=60),
            {
                "storage": 40_000,
                "writes": 25_000,
                "reads": 20_000,
                "transfer_out": 3_000_000,
                "catalog": 5 * CATALOG,
            },
        ),
    ],
)
def test_a_month_costs_its_place_and_what_is_written_and_read_in_it(
    stored: Footprint, lifetime: timedelta | None, micros: dict[str, int]
) -> None:
    assert ONE_LIFE.monthly_micros(stored, lifetime) == micros
    assert Prices().monthly_micros(stored, lifetime) == {}


@pytest.mark.parametrize(("lifetime", "months"), [(timedelta(days=3), 0.1), (timedelta(days=60), 2), (None, 1)])
def test_one_object_costs_its_place_while_it_lives_and_what_is_done_once(
    lifetime: timedelta | None, months: float
) -> None:
    stored = Footprint(objects=4, size_bytes=2 * GB)

    nanos = ONE_LIFE.object_nanos(stored, lifetime)

    assert nanos == pytest.approx(months * 10_000_000 + 5_000_000 + 4_000_000 + 1_500_000_000 + CATALOG * 1_000)
    assert ONE_LIFE.object_nanos(Footprint(), lifetime) == 0


async def test_what_is_of_no_collection_is_told_beside_them_and_all_of_it_together(stage: Stage) -> None:
    await stage.saved()
    await stage.saved(**KEPT)
    usage = with_prices(stage, Prices(thousand_puts=1, thousand_sweeps=0.5))

    everything, one = await usage(), await usage("temp-audio")

    assert everything.shared_costs == {"sweeps": 4_320 * 500}
    assert everything.monthly_cost_micros == 4_320 * 500 + 30 * 1_000
    assert (one.shared_costs, one.monthly_cost_micros) == ({}, 30 * 1_000)


async def test_the_last_count_can_be_told_without_counting(stage: Stage) -> None:
    assert stage.storage.get_usage.latest is None
    counted = await stage.storage.get_usage()
    stage.memory.catalog.failure = BackendUnavailableError("memory")

    assert stage.storage.get_usage.latest == counted


async def test_those_who_ask_at_the_same_time_share_a_count(stage: Stage) -> None:
    count, counts, gate = SharedCount(stage.catalog, stage.clock.now), 0, asyncio.Event()

    async def measure() -> dict[str, Footprint]:
        nonlocal counts
        counts += 1
        await gate.wait()
        stage.clock.advance(timedelta(seconds=1))
        return {"debug": Footprint(objects=counts)}

    stage.memory.catalog.measure = measure  # type: ignore[method-assign] # one that takes its time
    asking = [asyncio.ensure_future(count()) for _ in range(8)]
    await asyncio.sleep(0)
    gate.set()

    assert [count.stored for count in await asyncio.gather(*asking)] == [{"debug": Footprint(objects=1)}] * 8


@pytest.mark.parametrize(("later", "counts"), [(99, 1), (100, 2)])
async def test_a_count_is_answered_again_for_a_hundred_times_as_long_as_it_took(
    stage: Stage, later: int, counts: int
) -> None:
    count, answers = SharedCount(stage.catalog, stage.clock.now), 0

    async def measure() -> dict[str, Footprint]:
        nonlocal answers
        answers += 1
        stage.clock.advance(timedelta(seconds=1))
        return {"debug": Footprint(objects=answers)}

    stage.memory.catalog.measure = measure  # type: ignore[method-assign] # one that takes a second
    await count()
    stage.clock.advance(timedelta(seconds=later))

    assert (await count()).stored == {"debug": Footprint(objects=counts)}


async def test_a_count_that_fails_is_tried_again_by_the_next_caller(stage: Stage) -> None:
    await stage.saved()
    stage.memory.catalog.failure = BackendUnavailableError("memory")
    with pytest.raises(BackendUnavailableError):
        await stage.storage.get_usage()
    stage.memory.catalog.failure = None

    assert len((await stage.storage.get_usage()).usage) == 1

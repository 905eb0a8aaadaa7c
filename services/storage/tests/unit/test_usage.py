"""GetUsage: what is stored, counted rarely, and what it costs."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from mayfly_storage.domain.errors import BackendUnavailableError, CollectionUnknownError
from mayfly_storage.domain.ports import Footprint
from mayfly_storage.domain.pricing import S3_STANDARD, Prices
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

    assert [(each.collection, each.stored) for each in found] == [
        ("pitches", Footprint(objects=1, size_bytes=10)),
        ("temp-audio", Footprint(objects=2, size_bytes=11)),
    ]


async def test_one_collection_is_told_alone_also_if_it_is_empty(stage: Stage) -> None:
    await stage.saved()

    assert [each.collection for each in await stage.storage.get_usage("temp-audio")] == ["temp-audio"]
    assert await stage.storage.get_usage("debug") == []
    with pytest.raises(CollectionUnknownError):
        await stage.storage.get_usage("nothing")


async def test_audio_of_a_collection_that_is_configured_no_more_counts(stage: Stage) -> None:
    stage.catalog.instead["measure"] = counted({"old": Footprint(objects=3, size_bytes=GB)})

    [usage] = await with_prices(stage, S3_STANDARD)()

    assert (usage.collection, usage.monthly_cost_micros) == ("old", 23_000)


def counted(found: dict[str, Footprint]) -> Any:
    async def measure() -> dict[str, Footprint]:
        return found

    return measure


def with_prices(stage: Stage, prices: Prices) -> GetUsage:
    count = SharedCount(stage.catalog, stage.clock.now)
    return GetUsage(count=count, collections=stage.world.collections, prices=prices)


@pytest.mark.parametrize(
    ("stored", "lifetime", "micros"),
    [
        (Footprint(), timedelta(days=1), 0),
        (Footprint(objects=1, size_bytes=GB), None, 23_000),
        (Footprint(objects=1_000, size_bytes=0), None, 0),
        # A thousand that live for a day are 30,000 writes and as many reads in a month.
        (Footprint(objects=1_000, size_bytes=0), timedelta(days=1), 30 * 5_400),
        (Footprint(objects=1_000, size_bytes=GB), timedelta(hours=1), 23_000 + 720 * 5_400),
        (Footprint(objects=1_000, size_bytes=10 * GB), timedelta(days=60), 230_000 + 2_700),
    ],
)
def test_a_month_costs_its_place_and_what_is_written_and_read_in_it(
    stored: Footprint, lifetime: timedelta | None, micros: int
) -> None:
    assert S3_STANDARD.monthly_micros(stored, lifetime) == micros
    assert Prices().monthly_micros(stored, lifetime) == 0


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

    assert await asyncio.gather(*asking) == [{"debug": Footprint(objects=1)}] * 8


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

    assert await count() == {"debug": Footprint(objects=counts)}


async def test_a_count_that_fails_is_tried_again_by_the_next_caller(stage: Stage) -> None:
    await stage.saved()
    stage.memory.catalog.failure = BackendUnavailableError("memory")
    with pytest.raises(BackendUnavailableError):
        await stage.storage.get_usage()
    stage.memory.catalog.failure = None

    assert len(await stage.storage.get_usage()) == 1

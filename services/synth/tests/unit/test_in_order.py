from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from mayfly_synth.usecases.in_order import in_order

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


async def numbers(count: int) -> AsyncIterator[int]:
    for number in range(count):
        yield number


async def test_results_come_in_order_although_the_work_ends_in_another() -> None:
    ended: list[int] = []
    second_ended = asyncio.Event()

    async def work(number: int) -> int:
        if number == 0:
            await second_ended.wait()
        ended.append(number)
        if number == 1:
            second_ended.set()
        return number * 10

    results = [pair async for pair in in_order(numbers(3), work, window=2)]

    assert results == [(0, 0), (1, 10), (2, 20)]
    assert ended[:2] == [1, 0]


async def test_no_more_is_begun_than_the_window_holds() -> None:
    begun: list[int] = []
    ahead: list[int] = []

    async def work(number: int) -> None:
        begun.append(number)
        await asyncio.sleep(0)

    async for number, _ in in_order(numbers(20), work, window=3):
        ahead.append(len(begun) - number)

    assert begun == list(range(20))
    assert max(ahead) == 3


async def test_nothing_is_begun_beside_a_first_one_that_is_waited_for_before_it_was_taken() -> None:
    begun: list[int] = []

    async def work(number: int) -> int:
        begun.append(number)
        for _ in range(10):  # time for others to begin
            await asyncio.sleep(0)
        return number

    results = in_order(numbers(9), work, window=3, first_alone=True)

    assert await anext(results) == (0, 0)
    assert begun == [0]
    assert await anext(results) == (1, 1)
    assert begun == [0, 1, 2, 3]
    assert [number async for number, _ in results] == [2, 3, 4, 5, 6, 7, 8]


async def test_what_was_taken_beside_a_first_one_is_begun_in_one_moment() -> None:
    steps: list[str] = []

    async def slow_numbers() -> AsyncIterator[int]:
        for number in range(4):
            steps.append(f"take {number}")
            yield number
            await asyncio.sleep(0)

    async def work(number: int) -> int:
        steps.append(f"begin {number}")
        for _ in range(20):  # time for others to be taken
            await asyncio.sleep(0)
        return number

    assert [number async for number, _ in in_order(slow_numbers(), work, window=3, first_alone=True)] == [0, 1, 2, 3]

    assert steps[:6] == ["take 0", "begin 0", "take 1", "take 2", "begin 1", "begin 2"]


async def test_a_failure_comes_in_its_place_and_cancels_what_follows() -> None:
    cancelled: list[int] = []

    async def work(number: int) -> int:
        if number == 1:
            raise ValueError("one")
        if number == 2:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancelled.append(number)
                raise
        return number

    results = in_order(numbers(5), work, window=3)

    assert await anext(results) == (0, 0)
    with pytest.raises(ValueError, match="one"):
        await anext(results)
    assert cancelled == [2]


async def test_a_failing_source_is_told_after_the_results_before_it() -> None:
    async def failing() -> AsyncIterator[int]:
        yield 1
        raise ValueError("no more")

    async def work(number: int) -> int:
        return number

    results = in_order(failing(), work, window=2)

    assert await anext(results) == (1, 1)
    with pytest.raises(ValueError, match="no more"):
        await anext(results)


async def test_closing_cancels_the_work_and_the_waiting_for_more() -> None:
    cancelled = []

    async def endless() -> AsyncIterator[str]:
        yield "first"
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append("source")
            raise

    async def work(item: str) -> str:
        return item

    results = in_order(endless(), work, window=2)
    await anext(results)
    await asyncio.sleep(0)
    await results.aclose()

    assert cancelled == ["source"]

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from mayfly_runtime.hearing import THINKING, hearing_out

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


async def numbers(taken: list[int], *, ends: bool = True) -> AsyncIterator[int]:
    for number in range(3):
        taken.append(number)
        yield number
    if not ends:
        await asyncio.Event().wait()


@pytest.mark.parametrize("ends", [True, False])
async def test_what_is_on_its_way_is_taken_before_an_error_goes(*, ends: bool) -> None:
    taken: list[int] = []

    with pytest.raises(ValueError, match="busy"):
        async with hearing_out(numbers(taken, ends=ends), pause=THINKING):
            raise ValueError("busy")

    assert taken == [0, 1, 2]


async def test_one_who_never_ends_is_not_heard_for_ever() -> None:
    heard = 0

    async def endless() -> AsyncIterator[int]:
        nonlocal heard
        while True:
            yield (heard := heard + 1)

    with pytest.raises(ValueError, match="busy"):
        async with hearing_out(endless(), pause=THINKING):
            raise ValueError("busy")

    assert heard == 1_000


async def test_without_an_error_nothing_is_taken() -> None:
    taken: list[int] = []

    async with hearing_out(numbers(taken), pause=THINKING):
        pass

    assert taken == []

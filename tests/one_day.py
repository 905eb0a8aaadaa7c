"""Tests of what holds for one UTC day, as quotas do: midnight may pass in the middle of them."""

from __future__ import annotations

import functools
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, ParamSpec

import pytest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

P = ParamSpec("P")


def _today() -> date:
    return datetime.now(UTC).date()


def in_one_day(
    test: Callable[P, Awaitable[None]], *, today: Callable[[], date] = _today
) -> Callable[P, Awaitable[None]]:
    """Run a test again that failed while midnight passed. It begins with what no run of it has touched before."""

    @functools.wraps(test)
    async def run(*args: P.args, **fixtures: P.kwargs) -> None:
        day = today()
        try:
            await test(*args, **fixtures)
        except (Exception, pytest.fail.Exception):
            if today() == day:
                raise
        else:
            return
        await test(*args, **fixtures)

    return run

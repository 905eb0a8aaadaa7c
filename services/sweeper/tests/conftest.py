from __future__ import annotations

from datetime import timedelta

import pytest

from mayfly_runtime.testing import FakeClock
from mayfly_sweeper.domain.sweep import SweepOrder
from mayfly_sweeper.testing import FakeRetention
from mayfly_sweeper.usecases.sweep import SweepEngine


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def retention(clock: FakeClock) -> FakeRetention:
    return FakeRetention(clock.now)


@pytest.fixture
def engine(retention: FakeRetention, clock: FakeClock) -> SweepEngine:
    """An engine with pages of three, so that a few items make several pages and batches."""
    return SweepEngine(
        retention=retention,
        now=clock.now,
        monotonic=clock.monotonic,
        max_clock_skew=timedelta(minutes=5),
        page_size=3,
        batch_size=3,
    )


@pytest.fixture
def order() -> SweepOrder:
    return SweepOrder(time_budget=timedelta(minutes=5))

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from mayfly_runtime.testing import FakeClock


def test_the_clock_stands_until_it_is_told_to_advance() -> None:
    clock = FakeClock()
    before = clock.now()

    assert clock.now() == before
    assert clock.advance(timedelta(hours=1)) == before + timedelta(hours=1)
    assert clock.advance(1.5) == clock.now() == before + timedelta(hours=1, seconds=1.5)
    assert clock.monotonic() == 3601.5


def test_the_clock_tells_utc() -> None:
    clock = FakeClock(datetime(2025, 1, 1, 12, tzinfo=timezone(timedelta(hours=2))))

    assert clock.now() == datetime(2025, 1, 1, 10, tzinfo=UTC)
    assert clock.now().tzinfo is UTC


def test_a_naive_start_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        FakeClock(datetime(2025, 1, 1))  # noqa: DTZ001 - that is the mistake


def test_time_does_not_run_backwards() -> None:
    with pytest.raises(ValueError, match="backwards"):
        FakeClock().advance(-1)

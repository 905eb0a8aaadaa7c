"""A test that midnight interrupts is run again, and no other."""

from __future__ import annotations

from datetime import date

import pytest

from tests.one_day import in_one_day

MONDAY, TUESDAY = date(2026, 1, 5), date(2026, 1, 6)


class Counted:
    """A test that fails as often as it is told, at most on the days given, one for each look at the calendar."""

    def __init__(self, *, failures: int, days: list[date]) -> None:
        self.failures = failures
        self.days = iter(days)
        self.runs = 0

    async def test(self) -> None:
        self.runs += 1
        if self.runs <= self.failures:
            with pytest.raises(ValueError, match="a quota"):
                """Nothing is refused, since the quota has begun anew."""

    async def run(self) -> None:
        await in_one_day(self.test, today=lambda: next(self.days))()


async def test_midnight_in_the_middle_is_no_failure() -> None:
    interrupted = Counted(failures=1, days=[MONDAY, TUESDAY])

    await interrupted.run()

    assert interrupted.runs == 2


async def test_a_failure_within_a_day_is_one() -> None:
    failing = Counted(failures=1, days=[MONDAY, MONDAY])

    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        await failing.run()

    assert failing.runs == 1


async def test_a_failure_of_the_second_run_is_one() -> None:
    failing = Counted(failures=2, days=[MONDAY, TUESDAY])

    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        await failing.run()


async def test_what_holds_is_run_once() -> None:
    holding = Counted(failures=0, days=[MONDAY, TUESDAY])

    await holding.run()

    assert holding.runs == 1

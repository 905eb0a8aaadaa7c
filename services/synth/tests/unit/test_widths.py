from __future__ import annotations

import pytest

from mayfly_synth.engines.widths import Widths


def told(widths: Widths, *, narrow: float, wide: float, times: int = 20) -> list[bool]:
    """What is chosen when the two take so long."""
    chosen = []
    for _ in range(times):
        chosen.append(widths.choose_wide())
        widths.note(wide=chosen[-1], seconds=wide if chosen[-1] else narrow, samples=1_000)
    return chosen


def test_what_was_faster_at_the_start_is_taken_until_more_is_known() -> None:
    assert told(Widths(), narrow=1.0, wide=2.0, times=5) == [True] * 5


def test_the_faster_one_is_taken() -> None:
    widths = Widths()
    widths.note(wide=False, seconds=1.0, samples=1_000)

    assert told(widths, narrow=1.0, wide=0.6, times=15) == [True] * 15


def test_where_the_machine_is_busy_it_is_the_other_one_and_back_again() -> None:
    widths = Widths()
    widths.note(wide=False, seconds=1.0, samples=1_000)
    told(widths, narrow=1.0, wide=0.6)

    busy = told(widths, narrow=1.2, wide=3.0, times=64)
    free = told(widths, narrow=1.0, wide=0.6, times=200)

    assert sum(busy[8:]) <= 4
    assert sum(free[-16:]) == 15


def test_longer_utterances_are_not_slower_ones() -> None:
    widths = Widths()
    widths.note(wide=False, seconds=1.0, samples=1_000)
    widths.note(wide=True, seconds=6.0, samples=10_000)

    assert widths.choose_wide()


def test_what_made_no_sound_says_nothing() -> None:
    widths = Widths()
    widths.note(wide=True, seconds=9.0, samples=0)
    widths.note(wide=False, seconds=1.0, samples=1_000)
    widths.note(wide=True, seconds=0.5, samples=1_000)

    assert widths.choose_wide()


def test_what_lately_took_little_is_brief() -> None:
    widths = Widths()
    assert not widths.is_brief  # nothing is known

    for _ in range(10):
        widths.note(wide=False, seconds=0.01, samples=1_000)
    assert widths.is_brief

    for _ in range(10):
        widths.note(wide=True, seconds=0.1, samples=1_000)
    assert not widths.is_brief


def test_the_beginning_of_an_utterance_lasts_twice_as_long_as_the_rest_takes() -> None:
    widths = Widths()
    assert widths.share(sample_rate=1_000) == pytest.approx(1 / 6)  # nothing is known

    widths.note(wide=False, seconds=0.25, samples=1_000)
    assert widths.share(sample_rate=1_000) == pytest.approx(1 / 3)

    widths.note(wide=True, seconds=0.5, samples=1_000)
    assert widths.share(sample_rate=1_000) == pytest.approx(1 / 2)

"""The search itself, on models whose states can be counted by hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.model.search import Broken, Verdict, explore

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Counter:
    """Adds one or two, modulo its size; may break a promise at a number."""

    size: int
    breaks_at: int = -1
    initial: int = 0

    def steps(self, state: int) -> Iterator[tuple[str, int]]:
        yield "one", (state + 1) % self.size
        yield "two", (state + 2) % self.size

    def broken(self, state: int) -> Broken | None:
        return Broken.LEAK if state == self.breaks_at else None


def test_every_state_is_seen_once() -> None:
    assert explore(Counter(size=10)) == Verdict(states=10)


def test_the_path_to_a_failure_is_a_shortest_one() -> None:
    verdict = explore(Counter(size=10, breaks_at=5))

    assert verdict.broken is Broken.LEAK
    assert len(verdict.path) == 3


def test_a_failure_at_the_beginning_needs_no_step() -> None:
    assert explore(Counter(size=10, breaks_at=0)).path == ()


def test_a_model_that_grows_without_end_is_refused() -> None:
    with pytest.raises(ValueError, match="make the model smaller"):
        explore(Counter(size=2_500_000))

"""Explicit-state model checking: all states that a model can reach, nearest first: no path to a failure is shorter."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

    State = TypeVar("State", bound=Hashable)
else:
    State = TypeVar("State")

MOST_STATES = 2_000_000
"""A model that grows past this is too large to be run with every change."""


class Broken(StrEnum):
    """Promises of storage, by what it means to break them."""

    LOST = "LOST: acknowledged audio is not there, or cannot be found"
    READABLE = "READABLE: a link still works after the expiry"
    LEAK = "LEAK: something survives every later sweep"


class Model(Protocol[State]):
    """What can happen, and what must not."""

    @property
    def initial(self) -> State:
        """Where everything begins."""

    def steps(self, state: State) -> Iterable[tuple[str, State]]:
        """All that any actor may do next: what it is called, and what is then."""

    def broken(self, state: State) -> Broken | None:
        """The promise that this state breaks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the search found."""

    states: int
    broken: Broken | None = None
    path: tuple[str, ...] = ()
    """The steps that lead to the broken promise; no shorter ones do."""


def explore(model: Model[State]) -> Verdict:
    """Look at every state that can be reached, up to the first that breaks a promise. Raises ValueError if too many."""
    came_from: dict[State, tuple[State, str] | None] = {model.initial: None}
    waiting = deque([model.initial])
    while waiting:
        state = waiting.popleft()
        if (broken := model.broken(state)) is not None:
            return Verdict(states=len(came_from), broken=broken, path=_path(came_from, state))
        for label, following in model.steps(state):
            if following not in came_from:
                came_from[following] = (state, label)
                waiting.append(following)
        if len(came_from) > MOST_STATES:
            raise ValueError(f"more than {MOST_STATES} states: make the model smaller")
    return Verdict(states=len(came_from))


def _path(came_from: dict[State, tuple[State, str] | None], state: State) -> tuple[str, ...]:
    labels: list[str] = []
    while (origin := came_from[state]) is not None:
        state, label = origin
        labels.append(label)
    return tuple(reversed(labels))

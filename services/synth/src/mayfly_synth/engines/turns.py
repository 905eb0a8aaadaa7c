"""Whose utterance is spoken next.

Workers are few and utterances are many, so they take turns, by fair queueing: every call gets the same share of the
work (counted in characters), however many utterances it has waiting. Work done moves a virtual clock; an utterance is
stamped with the time at which it would begin if its call had its share all along, and the lowest stamp is next.

The first utterance of a call goes before others, as somebody waits for the first sound of it: its stamp is set back by
a head start. The clock moves on whatever is spoken, so every stamp is the lowest at some time, and nobody starves.

Where a lone caller waits for a sound, and nobody else for anything, the utterance may have all workers: that is for
voices that are faster so. The others of its call wait meanwhile if it is the first one; later on two side by side are
faster than one after the other.

Where utterances take little longer than a worker's way to the event loop and back, one more turn is handed out than
there are workers: whoever ends finds it, and need not wait for the event loop. Others hold up newcomers less.

Used from the event loop only, so nothing here needs a lock.
"""

from __future__ import annotations

import asyncio
import heapq
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Final
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from mayfly_synth.domain.call import Flow

# In characters of each caller who is there: half a minute of speech. So much may be said for those who wait for a first
# sound while somebody who has one to listen to waits for the next.
_HEAD_START: Final = 400


@dataclass(order=True, slots=True)
class _Waiting:
    stamp: float
    number: int
    cost: int = field(compare=False)
    flow: Flow = field(compare=False)
    is_first: bool = field(compare=False)
    alone: bool = field(compare=False)
    brief: bool = field(compare=False)
    granted: asyncio.Future[Turn] = field(compare=False)


class Turns:
    """Hands out turns, as many at a time as there are workers."""

    def __init__(self, *, workers: int) -> None:
        self.workers = workers
        self.taken = 0
        """Workers that have something to do, and one that has its next thing to do, too."""
        self._is_spread = False
        """Whether one utterance has several workers."""
        self._clock = 0.0
        self._numbers = count()
        self._queue: list[_Waiting] = []
        self._next: WeakKeyDictionary[Flow, float] = WeakKeyDictionary()
        """When the next utterance of a call would begin, by the virtual clock."""
        self._busy: dict[Flow, int] = {}
        """Utterances that wait or are spoken, by call."""

    @property
    def speaking(self) -> int:
        """Workers that have something to do."""
        return min(self.taken, self.workers)

    @property
    def waiting(self) -> int:
        """Utterances that wait for their turn."""
        return sum(not waiting.granted.done() for waiting in self._queue)

    async def take(self, flow: Flow, *, cost: int, alone: bool = False, brief: bool = False) -> Turn:
        """Wait for a turn, which must be ended.

        Args:
            flow: Whose utterance it is.
            cost: Its characters.
            alone: Whether it would rather have all workers, if nobody else needs one.
            brief: Whether it may be handed out while all workers speak, to be the next.
        """
        begins, is_first = max(self._clock, self._next.get(flow, 0.0)), flow not in self._next
        stamp = begins - _HEAD_START * is_first
        self._next[flow] = begins + cost
        self._busy[flow] = self._busy.get(flow, 0) + 1
        granted: asyncio.Future[Turn] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._queue, _Waiting(stamp, next(self._numbers), cost, flow, is_first, alone, brief, granted))
        # Once all who ask in this moment have asked: whether somebody is alone is not known before.
        asyncio.get_running_loop().call_soon(self._hand_out)
        try:
            return await granted
        except asyncio.CancelledError:
            self._withdraw(flow, granted)
            raise

    def end(self, flow: Flow, workers: int) -> None:
        """Give workers back."""
        self.taken -= workers
        self._is_spread = False
        self._leave(flow)
        self._hand_out()

    def _withdraw(self, flow: Flow, granted: asyncio.Future[Turn]) -> None:
        """Whoever waited has gone, before the turn came or in the same moment."""
        if granted.done() and not granted.cancelled():
            granted.result().end()
        else:
            granted.cancel()
            self._leave(flow)
            self._hand_out()

    def _leave(self, flow: Flow) -> None:
        self._busy[flow] -= 1
        if not self._busy[flow]:
            del self._busy[flow]

    def _hand_out(self) -> None:
        while self._queue and self.taken < self._room_for(self._queue[0]):
            first = heapq.heappop(self._queue)
            if first.granted.done():  # nobody waits for it any more
                continue
            self._clock += first.cost / len(self._busy)
            is_alone = self._is_alone(first)
            workers = self.workers if first.alone and is_alone else 1
            self.taken += workers
            self._is_spread = workers > 1
            first.granted.set_result(Turn(self, first.flow, workers, is_alone=is_alone))

    def _room_for(self, utterance: _Waiting) -> int:
        return self.workers + (utterance.brief and not self._is_spread)

    def _is_alone(self, utterance: _Waiting) -> bool:
        return not self.taken and len(self._busy) == 1 and (utterance.is_first or not self.waiting)


class Turn:
    """The right to speak now."""

    __slots__ = ("_flow", "_turns", "_workers", "has_all_workers", "is_alone")

    def __init__(self, turns: Turns, flow: Flow, workers: int, *, is_alone: bool) -> None:
        self._turns: Turns | None = turns
        self._flow = flow
        self._workers = workers
        self.has_all_workers = workers == turns.workers
        """Whether no other worker speaks meanwhile."""
        self.is_alone = is_alone
        """Whether nobody else was spoken to, or waited, when it was handed out."""

    def end(self) -> None:
        """Let the next one speak. More than once is no harm."""
        if self._turns is not None:
            turns, self._turns = self._turns, None
            turns.end(self._flow, self._workers)

"""Utterances that were spoken a moment ago, for whoever asks for the same.

In front of the voice. What is kept is sound and not speech: who asked, where it goes and when it ends is decided as
ever, by whoever asks. Those who ask for the same at the same time wait for one inference.

Bounded in bytes and in time. Whoever may speak can tell by the time that it takes whether somebody else had the same
sentence said within the lifetime; where that matters, the cache is switched off (decision 0024).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from mayfly_synth.domain.call import Call

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable
    from datetime import timedelta

    from mayfly_synth.domain.ports import Heard, SpeechEngine
    from mayfly_synth.domain.speech import Delivery
    from mayfly_synth.domain.timeline import SpokenSentence
    from mayfly_synth.domain.utterance import Utterance
    from mayfly_synth.domain.voices import Voice


class Outcome(StrEnum):
    """How an utterance was answered."""

    SPOKEN = "spoken"
    """By the voice."""
    SHARED = "shared"
    """Together with others who asked for it at the same time."""
    REMEMBERED = "remembered"
    """Without the voice."""


def _nobody(_outcome: Outcome) -> None:
    """Hears nothing."""


@dataclass(frozen=True, slots=True)
class _Entry:
    sound: SpokenSentence
    forget_at: float


@dataclass(slots=True)
class _Flight:
    """An utterance that is being spoken for one or more."""

    call: Call
    task: asyncio.Future[SpokenSentence] = field(init=False)
    waiting: int = 0
    _beginning: bytes = field(default=b"", repr=False)
    _hearing: list[Heard] = field(default_factory=list)

    def hear(self, pcm: bytes) -> None:
        """Tell all who want to hear its beginning."""
        self._beginning = pcm
        for heard in self._hearing:
            heard(pcm)

    def join(self, heard: Heard | None) -> None:
        """Wait for it, and perhaps for its beginning."""
        self.waiting += 1
        if heard is not None and self._beginning:
            heard(self._beginning)
        elif heard is not None:
            self._hearing.append(heard)


class RenderedSpeech:
    """A `SpeechEngine` that remembers."""

    def __init__(
        self,
        engine: SpeechEngine,
        *,
        max_bytes: int,
        lifetime: timedelta,
        monotonic: Callable[[], float],
        note: Callable[[Outcome], None] = _nobody,
    ) -> None:
        """Take the bounds.

        Args:
            engine: Speaks what is not remembered.
            max_bytes: How much is remembered; what was not asked for for longest is forgotten first.
            lifetime: How long anything is remembered.
            monotonic: A clock. Unit: seconds.
            note: Called with how each utterance was answered.
        """
        self._note = note
        self._engine = engine
        self._max_bytes = max_bytes
        self._lifetime = lifetime.total_seconds()
        self._monotonic = monotonic
        self._entries: dict[Hashable, _Entry] = {}
        self._flights: dict[Hashable, _Flight] = {}
        self.bytes = 0
        """How much is remembered."""

    async def speak(
        self, utterance: Utterance, delivery: Delivery, *, call: Call, heard: Heard | None = None
    ) -> SpokenSentence:
        """Speak one utterance, or remember it; see `SpeechEngine`."""
        key = _key(utterance, delivery)
        self.forget_old()
        if (entry := self._entries.pop(key, None)) is not None:
            self._entries[key] = entry  # asked for just now
            self._note(Outcome.REMEMBERED)
            return entry.sound
        flight = self._flights.get(key)
        if flight is None or flight.call.is_cancelled():
            self._note(Outcome.SPOKEN)
            flight = self._begin(key, utterance, delivery, call, in_parts=heard is not None)
        else:
            self._note(Outcome.SHARED)
        flight.join(heard)
        try:
            return await asyncio.shield(flight.task)
        finally:
            flight.waiting -= 1
            if not flight.waiting and not flight.task.done():
                # Nobody listens any more.
                flight.call.cancel()
                flight.task.cancel()

    async def phonemize(self, sentence: str, voice: Voice) -> str:
        """Pronounce one sentence; see `SpeechEngine`."""
        return await self._engine.phonemize(sentence, voice)

    def _begin(self, key: Hashable, utterance: Utterance, delivery: Delivery, call: Call, *, in_parts: bool) -> _Flight:
        # A call of its own, as the first one to ask may go away before the others do; in the first one's turn.
        own = Call(flow=call.flow, in_haste=call.in_haste)
        flight = self._flights[key] = _Flight(own)
        heard = flight.hear if in_parts else None
        flight.task = asyncio.ensure_future(self._engine.speak(utterance, delivery, call=own, heard=heard))
        flight.task.add_done_callback(lambda done: self._end(key, flight, done))
        return flight

    def _end(self, key: Hashable, flight: _Flight, done: asyncio.Future[SpokenSentence]) -> None:
        if self._flights.get(key) is flight:
            del self._flights[key]
        if done.cancelled() or done.exception() is not None or flight.call.is_cancelled():
            return
        sound = done.result()
        self._entries[key] = _Entry(sound, self._monotonic() + self._lifetime)
        self.bytes += _size(sound)
        self.forget_old()

    def forget_old(self) -> None:
        """Forget what is too old, or too much. To be called from time to time, as nobody may ask for anything."""
        now = self._monotonic()
        for key, entry in list(self._entries.items()):
            # In the order of asking: the first is what was not asked for for longest. Age is looked at besides.
            if self.bytes > self._max_bytes or entry.forget_at <= now:
                del self._entries[key]
                self.bytes -= _size(entry.sound)


def _key(utterance: Utterance, delivery: Delivery) -> Hashable:
    """Everything that shapes the sound of an utterance, and nothing else."""
    return (
        utterance.pieces,
        delivery.voice.name,
        delivery.speaker_id,
        delivery.speed * utterance.rate,
        delivery.volume * utterance.volume,
        delivery.noise_scale,
        delivery.noise_w_scale,
    )


def _size(sound: SpokenSentence) -> int:
    """About what it takes in memory: the samples, and the words with their times."""
    return len(sound.pcm) + 200 * (len(sound.words) + 1)

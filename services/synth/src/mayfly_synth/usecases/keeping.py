"""Keeping what was spoken: once for each request, whatever happens in between."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar
from weakref import WeakValueDictionary

from mayfly_synth.usecases.storing import store_all

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextlib import AbstractContextManager

    from mayfly_synth.domain.ports import AudioSink
    from mayfly_synth.domain.speech import Destination, RequestKey, Speech, StoredAudio
    from mayfly_synth.usecases.recent import RecentSpeech

A = TypeVar("A")


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """The memory for retries, and the way to storage."""

    recent: RecentSpeech
    sink: AudioSink
    _turns: WeakValueDictionary[RequestKey, asyncio.Lock] = field(default_factory=WeakValueDictionary)
    """One for each request that is being kept; gone with the last call that holds it."""

    async def __call__(
        self,
        key: RequestKey,
        destination: Destination,
        *,
        fingerprint: object,
        reserve: Callable[[], Awaitable[str]],
        admit: Callable[[], AbstractContextManager[A]],
        speak: Callable[[A], Awaitable[Speech]],
    ) -> tuple[Speech, tuple[StoredAudio, ...]]:
        """Speak, or remember what was spoken for this request, and store it: one file, or one for each part.

        Calls with the same key take turns: the second one finds what the first one spoke, stores the same bytes again,
        and storage answers the audio that it has. If the first one fails or is cancelled, the second one speaks itself.

        Args:
            key: Whose request, and which.
            destination: Where to keep it.
            fingerprint: Everything that shapes the speech.
            reserve: Counts the work for the subject before it is done, so that a refused guest costs no speech. Counts
                once for a key, and answers the same for a retry.
            admit: Takes the work in until it is done. Whoever is refused for want of a place has nothing counted.
            speak: Speaks it now, in the place that it has.

        Raises:
            RequestIdReusedError: If the key was used for something else.
            SynthError: Whatever `admit`, `reserve`, `speak` and `AudioSink.store` raise.
        """
        async with self._turns.setdefault(key, asyncio.Lock()):
            speech = self.recent.recall(key, fingerprint)
            if speech is not None:
                reservation = await reserve()
            else:
                with admit() as place:
                    reservation = await reserve()
                    speech = await speak(place)
                self.recent.remember(key, fingerprint, speech)
            return speech, await store_all(self.sink, speech, key=key, destination=destination, reservation=reservation)

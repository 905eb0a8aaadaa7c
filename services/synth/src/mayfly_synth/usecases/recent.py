"""Speech that was spoken a moment ago, for callers who ask again.

A retry with the same request_id must get the same audio. Storage sees to that as long as it is given the same bytes;
but a voice does not speak the same bytes twice, as its noise differs from time to time. So what was spoken is kept here
for a while, and a retry stores the very same bytes. Two calls at the same time become one piece of work.

What this does not do: it is the memory of one process, bounded in bytes and in time. A retry that comes to another
replica, or later, speaks anew, and is answered REQUEST_ID_REUSED if the first one was stored: never two audios for one
request, but not always the same answer twice. With both noise scales at 0 a voice repeats itself, and every retry gets
the same audio from storage.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mayfly_synth.domain.errors import RequestIdReusedError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import timedelta

    from mayfly_synth.domain.speech import RequestKey, Speech


@dataclass(slots=True)
class _Entry:
    fingerprint: object
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    speech: Speech | None = None
    forget_at: float = 0.0


class RecentSpeech:
    """Remembers speech by whose request it was."""

    def __init__(self, *, max_bytes: int, lifetime: timedelta, monotonic: Callable[[], float]) -> None:
        """Take the bounds.

        Args:
            max_bytes: How much is remembered; the oldest is forgotten first. 0: nothing.
            lifetime: How long anything is remembered.
            monotonic: A clock. Unit: seconds.
        """
        self._max_bytes = max_bytes
        self._lifetime = lifetime.total_seconds()
        self._monotonic = monotonic
        self._entries: dict[RequestKey, _Entry] = {}
        self.bytes = 0
        """How much is remembered."""

    async def once(self, key: RequestKey, fingerprint: object, speak: Callable[[], Awaitable[Speech]]) -> Speech:
        """What was spoken for this request; spoken now unless it is remembered or on its way.

        Args:
            key: Whose request, and which.
            fingerprint: Everything that shapes the speech; compared for equality.
            speak: Speaks. If it fails or is cancelled, nothing is remembered, and whoever waits for it speaks itself.

        Raises:
            RequestIdReusedError: If the key was used for a different fingerprint.
        """
        self._forget_old()
        while (entry := self._entries.get(key)) is not None:
            if entry.fingerprint != fingerprint:
                raise RequestIdReusedError(key.request_id)
            if entry.speech is not None:
                return entry.speech
            await entry.ended.wait()
        return await self._first(key, _Entry(fingerprint), speak)

    async def _first(self, key: RequestKey, entry: _Entry, speak: Callable[[], Awaitable[Speech]]) -> Speech:
        self._entries[key] = entry
        try:
            speech = await speak()
        except BaseException:
            del self._entries[key]
            raise
        finally:
            entry.ended.set()
        entry.speech = speech
        entry.forget_at = self._monotonic() + self._lifetime
        # To the end of the order, which is that of ending and not of beginning.
        self._entries[key] = self._entries.pop(key)
        self.bytes += len(speech.data)
        self._forget_old()
        return speech

    def _forget_old(self) -> None:
        now = self._monotonic()
        for key, entry in list(self._entries.items()):
            if entry.speech is not None and (entry.forget_at <= now or self.bytes > self._max_bytes):
                del self._entries[key]
                self.bytes -= len(entry.speech.data)

"""Speech that was spoken a moment ago, for callers who ask again.

A retry with the same request_id must get the same audio. Storage sees to that as long as it is given the same bytes;
but a voice does not speak the same bytes twice, as its noise differs from time to time. So what was spoken is kept here
for a while, and a retry stores the very same bytes.

What this does not do: it is the memory of one process, bounded in bytes and in time. A retry that comes to another
replica, or later, speaks anew, and is answered REQUEST_ID_REUSED if the first one was stored: never two audios for one
request, but not always the same answer twice. With both noise scales at 0 a voice repeats itself, and every retry gets
the same audio from storage.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mayfly_synth.domain.errors import RequestIdReusedError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta

    from mayfly_synth.domain.speech import RequestKey, Speech


@dataclass(frozen=True, slots=True)
class _Entry:
    fingerprint: object
    speech: Speech
    forget_at: float


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

    def recall(self, key: RequestKey, fingerprint: object) -> Speech | None:
        """What was spoken for this request; None if that is not known (any more).

        Args:
            key: Whose request, and which.
            fingerprint: Everything that shapes the speech; compared for equality.

        Raises:
            RequestIdReusedError: If the key was used for a different fingerprint.
        """
        self.forget_old()
        entry = self._entries.get(key)
        if entry is None:
            return None
        if entry.fingerprint != fingerprint:
            raise RequestIdReusedError(key.request_id)
        return entry.speech

    def remember(self, key: RequestKey, fingerprint: object, speech: Speech) -> None:
        """Note what was spoken for a request that `recall` did not know."""
        self._entries[key] = _Entry(fingerprint, speech, self._monotonic() + self._lifetime)
        self.bytes += speech.size_bytes
        self.forget_old()

    def forget_old(self) -> None:
        """Forget what is too old, or too much. To be called from time to time, as nobody may ask for anything."""
        now = self._monotonic()
        for key, entry in list(self._entries.items()):
            # In the order of speaking, so the first that may stay is followed by none that must go.
            if entry.forget_at > now and self.bytes <= self._max_bytes:
                return
            del self._entries[key]
            self.bytes -= entry.speech.size_bytes

"""Keeping what was spoken: once for each request, whatever happens in between."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from mayfly_synth.domain.ports import AudioSink
    from mayfly_synth.domain.speech import Destination, RequestKey, Speech, StoredAudio
    from mayfly_synth.usecases.recent import RecentSpeech


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """The memory for retries, and the way to storage."""

    recent: RecentSpeech
    sink: AudioSink

    async def __call__(
        self,
        key: RequestKey,
        destination: Destination,
        *,
        fingerprint: object,
        speak: Callable[[], Awaitable[Speech]],
    ) -> tuple[Speech, StoredAudio]:
        """Speak, or remember what was spoken for this request, and store it.

        A retry stores the same bytes again, and storage answers the audio that it has.

        Args:
            key: Whose request, and which.
            destination: Where to keep it.
            fingerprint: Everything that shapes the speech.
            speak: Speaks it now.

        Raises:
            RequestIdReusedError: If the key was used for something else.
            SynthError: Whatever `speak` and `AudioSink.store` raise.
        """
        speech = await self.recent.once(key, fingerprint, speak)
        return speech, await self.sink.store(speech, key=key, destination=destination)

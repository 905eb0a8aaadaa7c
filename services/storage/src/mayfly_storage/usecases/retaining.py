"""Keeping audio longer, or not so long, within what its collection allows."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mayfly_storage.domain.collections import LONGEST_LIFE
from mayfly_storage.domain.errors import BackendUnavailableError, InvalidAudioError, StateChangedError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, timedelta

    from mayfly_storage.domain.audio import Audio, AudioName
    from mayfly_storage.domain.collections import Collections
    from mayfly_storage.domain.ports import AudioCatalog
    from mayfly_storage.usecases.access import GetAudio

logger = logging.getLogger(__name__)

_TRIES: Final = 16
"""Each one that fails is another call's success; so many at the same audio at the same time are no accident."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetainAudio:
    """Moves the expiry of a readable audio."""

    get: GetAudio
    catalog: AudioCatalog
    collections: Collections
    now: Callable[[], datetime]

    async def __call__(self, name: AudioName, *, expire_time: datetime | None, ttl: timedelta | None) -> Audio:
        """The audio with its new expiry: exactly one of the two, cut to the collection's limit.

        Raises:
            AudioNotFoundError: It is not readable (any more).
            InvalidAudioError: `expire_time` is not in the future.
        """
        asked = self._asked(expire_time, ttl)
        for _ in range(_TRIES):
            audio = await self.get(name)
            kept = await self._move(audio, min(asked, self._latest(audio)))
            if kept is not None:
                return kept
        raise BackendUnavailableError("catalog")

    def _asked(self, expire_time: datetime | None, ttl: timedelta | None) -> datetime:
        now = self.now()
        asked = now + min(ttl, LONGEST_LIFE) if ttl is not None else expire_time
        if asked is None or asked <= now:
            raise InvalidAudioError("expire_time", "must be in the future")
        return asked

    def _latest(self, audio: Audio) -> datetime:
        """The collection's limit, counted from the creation, so that no number of moves gets past it.

        What the audio already has it keeps, even where the configuration has become stricter since: a call that asks
        for more must not take the audio away. A collection that is configured no more grants no more.
        """
        longest = audio.create_time + LONGEST_LIFE
        granted = audio.expire_time or longest
        collection = self.collections.by_id.get(audio.collection)
        if collection is None:
            return granted
        return max(granted, audio.create_time + collection.lifetime if collection.lifetime else longest)

    async def _move(self, audio: Audio, end: datetime) -> Audio | None:
        """None if the audio was moved or deleted in the moment between."""
        if end == audio.expire_time:
            return audio
        try:
            kept = await self.catalog.retain(audio, end)
        except StateChangedError:
            return None
        earlier = audio.expire_time is None or end < audio.expire_time
        logger.info("cleanup.scheduled" if earlier else "audio.kept_longer", extra=_told(kept, end))
        return kept


def _told(audio: Audio, end: datetime) -> dict[str, str]:
    return {"audio_name": str(audio.name), "collection": audio.collection, "expire_time": f"{end:%Y-%m-%dT%H:%M:%SZ}"}

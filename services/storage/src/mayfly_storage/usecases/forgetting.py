"""Deleting all audio of a person."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from mayfly_storage.domain.audio import State
from mayfly_storage.domain.ports import AudioCatalog, AudioFilter

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence
    from datetime import datetime

    from mayfly_storage.domain.audio import AudioName
    from mayfly_storage.domain.collections import Collections
    from mayfly_storage.domain.privacy import Privacy
    from mayfly_storage.domain.uploads import Subject
    from mayfly_storage.usecases.deleting import BatchDeleteAudio

MOST_DELETED: Final = 1_000
"""By one call, which has an end; the caller comes again."""
MOST_COUNTED: Final = 10_000
"""Of what is left: counting costs as much as finding."""
_MOST_DAYS: Final = timedelta(days=31)
_DAY: Final = timedelta(days=1)
_PAGE: Final = 500

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """What a call has deleted, and how much it has left."""

    deleted: Sequence[AudioName]
    remaining: int
    """At most `MOST_COUNTED`, where there are more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgetSubject:
    """Deletes the audio of a user or a guest, uploads under way included. Repeat it until nothing remains."""

    catalog: AudioCatalog
    delete: BatchDeleteAudio
    collections: Collections
    privacy: Privacy
    now: Callable[[], datetime]

    async def __call__(self, subject: Subject) -> Forgotten:
        """Up to `MOST_DELETED` audios are unreadable when it returns, their bytes gone then or by the next sweep."""
        deleted: list[AudioName] = []
        remaining = 0
        async for names in self._pages(subject):
            room = MOST_DELETED - len(deleted)
            found = await self.delete(names[:room]) if room else {}
            deleted += [name for name, was_there in found.items() if was_there]
            remaining += len(names[room:])
            if remaining >= MOST_COUNTED:
                remaining = MOST_COUNTED
                break
        logger.info("subject.forgotten", extra={"count": len(deleted), "remaining": remaining})
        return Forgotten(deleted=deleted, remaining=remaining)

    async def _pages(self, subject: Subject) -> AsyncIterator[list[AudioName]]:
        for wanted in self._filters(subject):
            cursor, more = "", True
            while more:
                page = await self.catalog.list_audio(wanted, limit=_PAGE, cursor=cursor)
                yield [audio.name for audio in page.items if audio.state is not State.DELETING]
                cursor, more = page.cursor, bool(page.cursor)

    def _filters(self, subject: Subject) -> Iterator[AudioFilter]:
        now = self.now()
        if subject.user_id:
            yield AudioFilter(owner=self.privacy.owner(subject, now))
            return
        # A guest is known by a hash that changes every day: ask for each day that guests' audio may be from.
        for age in range(math.ceil(self._longest_life() / _DAY) + 1):
            day = now - age * _DAY
            yield AudioFilter(owner=self.privacy.owner(subject, day), date=day.date().isoformat())

    def _longest_life(self) -> timedelta:
        lives = [collection.lifetime or _MOST_DAYS for collection in self.collections.by_id.values()]
        return min(max(lives), _MOST_DAYS)

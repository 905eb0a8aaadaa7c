"""D1 to D4: the one way in which anything is deleted.

Every step is conditional or idempotent, so overlap is harmless.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from mayfly_storage.domain.audio import Audio, AudioName, Location, State
from mayfly_storage.domain.errors import BackendMisconfiguredError, BackendUnavailableError
from mayfly_storage.domain.failpoints import Failpoint, Reach, pass_by
from mayfly_storage.domain.ports import AudioCatalog, BlobStore, BlobTarget, DeleteOutcome

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from mayfly_storage.domain.stores import Stores
    from mayfly_storage.domain.timing import Timing

logger = logging.getLogger(__name__)


class EraseOutcome(StrEnum):
    """How far one audio came."""

    GONE = "GONE"
    """The bytes are gone, by the store's own answer."""
    CHANGED = "CHANGED"
    """The row is gone, or not as it was read; nothing was deleted."""
    UNFINISHED = "UNFINISHED"
    """Unreadable, and its bytes may still lie there; the next sweep goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """What became of one audio."""

    outcome: EraseOutcome
    tombstone_kept: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EraseAudio:
    """Deletes rows as they were read, with their bytes; an outcome for each, in order."""

    catalog: AudioCatalog
    stores: Stores
    timing: Timing
    now: Callable[[], datetime]
    reach: Reach = pass_by

    async def __call__(self, audios: Sequence[Audio]) -> list[Erasure]:
        """D1, D2, D3, and D4 for those whose late PUTs can no longer land."""
        tombstones = await self._mark(audios)
        gone = await self._delete_bytes(list(tombstones.values()))
        kept = await self._settle([tombstones[name] for name in gone])
        return [self._erasure(audio.name, tombstones, gone, kept) for audio in audios]

    @staticmethod
    def _erasure(
        name: AudioName, tombstones: dict[AudioName, Audio], gone: set[AudioName], kept: set[AudioName]
    ) -> Erasure:
        if name not in tombstones:
            return Erasure(outcome=EraseOutcome.CHANGED)
        outcome = EraseOutcome.GONE if name in gone else EraseOutcome.UNFINISHED
        return Erasure(outcome=outcome, tombstone_kept=outcome is EraseOutcome.UNFINISHED or name in kept)

    async def _mark(self, audios: Sequence[Audio]) -> dict[AudioName, Audio]:
        """D1 where it has not happened yet."""
        self.reach(Failpoint.BEFORE_D1)
        living = [audio for audio in audios if audio.state is not State.DELETING]
        marked = await self.catalog.begin_delete(living, self.now()) if living else []
        self.reach(Failpoint.AFTER_D1)
        resumed = [audio for audio in audios if audio.state is State.DELETING]
        return {audio.name: audio for audio in (*marked, *resumed) if audio is not None}

    async def _delete_bytes(self, tombstones: Sequence[Audio]) -> set[AudioName]:
        """D2 and D3 in every store: a PUT that was not answered may have left a copy where the row does not say."""
        gone = {audio.name for audio in tombstones if audio.location in self.stores.by_location}
        for store in self.stores.by_location.values():
            try:
                gone &= await self._delete_group(store.blobs, tombstones)
            except (BackendUnavailableError, BackendMisconfiguredError) as error:
                # The rows are tombstones by now: unreadable, and due for every later sweep.
                logger.warning("erase.unfinished", extra={"count": len(tombstones), "cause": type(error).__name__})
                gone = set()
        return gone

    async def _delete_group(self, blobs: BlobStore, group: Sequence[Audio]) -> set[AudioName]:
        targets, unnamed = _targets(group, blobs.location)
        self.reach(Failpoint.BEFORE_D2)
        outcomes = await _delete(blobs, targets)
        # What lies there instead of the committed object is a late PUT of the same row, or the next owner's.
        changed = [audio for audio in group if outcomes.get(audio.name) is DeleteOutcome.CHANGED]
        outcomes |= await _delete(blobs, await self._lying(blobs, [*unnamed, *changed]))
        self.reach(Failpoint.AFTER_D2)
        left = {name for name, outcome in outcomes.items() if outcome is not DeleteOutcome.DELETED}
        deleted = [audio for audio in group if audio.name not in left]
        still_there = await blobs.present([audio.object_key for audio in deleted]) if deleted else set()
        self.reach(Failpoint.AFTER_D3)
        return {audio.name for audio in deleted if audio.object_key not in still_there}

    async def _lying(self, blobs: BlobStore, group: Sequence[Audio]) -> dict[AudioName, BlobTarget]:
        """The very objects at chosen keys; nothing for an audio whose key is empty, or not its own any more.

        A key with an audio id in it is the row's for ever. A key that the caller chose gets another owner as soon as
        the row is gone, so the delete names the object that lies there while the row holds the claim. It is looked at
        first, and the row is read after: so it was nobody else's.
        """
        seen = {audio.name: await blobs.head(audio.object_key) for audio in group}
        rows = await self.catalog.get_many(list(seen)) if seen else {}
        return {name: BlobTarget(key=b.key, etag=b.etag) for name, b in seen.items() if b is not None and name in rows}

    async def _settle(self, gone: Sequence[Audio]) -> set[AudioName]:
        """D4 where no late PUT can land any more; the others stay as tombstones until then."""
        now = self.now()
        settled = [audio for audio in gone if now >= self.timing.settled_time(audio)]
        waiting = [audio for audio in gone if now < self.timing.settled_time(audio)]
        if settled:
            self.reach(Failpoint.BEFORE_D4)
            await self.catalog.remove(settled)
            self.reach(Failpoint.AFTER_D4)
        if fresh := [audio for audio in waiting if not audio.bytes_gone]:
            await self.catalog.mark_bytes_gone(fresh)
            self.reach(Failpoint.AFTER_NOTE)
        return {audio.name for audio in waiting}


def _targets(group: Sequence[Audio], location: Location) -> tuple[dict[AudioName, BlobTarget], list[Audio]]:
    """What can be deleted as it is, and audio at chosen keys of which it is not known what lies there."""
    targets: dict[AudioName, BlobTarget] = {}
    unnamed = []
    for audio in group:
        if not audio.claims_key:
            targets[audio.name] = BlobTarget(key=audio.object_key)
        elif audio.etag and audio.location is location:
            targets[audio.name] = BlobTarget(key=audio.object_key, etag=audio.etag)
        else:
            unnamed.append(audio)
    return targets, unnamed


async def _delete(blobs: BlobStore, targets: Mapping[AudioName, BlobTarget]) -> dict[AudioName, DeleteOutcome]:
    outcomes = await blobs.delete_many(list(targets.values())) if targets else []
    return dict(zip(targets, outcomes, strict=True))

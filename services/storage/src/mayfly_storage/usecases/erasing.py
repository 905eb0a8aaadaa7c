"""D1 to D4: the one way in which anything is deleted.

Every step is conditional or idempotent, so overlap is harmless. A key with an audio id in it is its row's for ever. One
that the caller chose is another's as soon as it is given back: there an eraser needs the lease, which the store ends.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from mayfly_storage.domain.audio import Audio, AudioName, State
from mayfly_storage.domain.errors import BackendMisconfiguredError, BackendUnavailableError
from mayfly_storage.domain.failpoints import Failpoint, Reach, pass_by
from mayfly_storage.domain.ports import AudioCatalog, BlobStore, BlobTarget, DeleteOutcome
from mayfly_storage.usecases.parts import abort_uploads

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from mayfly_storage.domain.stores import Stores
    from mayfly_storage.domain.timing import Timing

logger = logging.getLogger(__name__)


class EraseOutcome(StrEnum):
    """How far one audio came."""

    GONE = "GONE"
    """The bytes are gone, by the store's own answer."""
    CHANGED = "CHANGED"
    """The row is gone, or not as it was read, or another eraser has it; nothing was deleted."""
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
    new_holder: Callable[[], str]
    """Tokens of leases; no two are alike."""
    reach: Reach = pass_by

    async def __call__(self, audios: Sequence[Audio], *, for_sweep: bool = False) -> list[Erasure]:
        """D1, D2, D3, and D4 for those whose late PUTs can no longer land.

        Args:
            audios: Rows in any state.
            for_sweep: Leave D4 of the rows to a sweep, whose certificate names them then. Keys are given back at once.
        """
        tombstones = await self._mark(audios)
        gone = await self._delete_bytes([audio for audio in tombstones.values() if audio.object_key])
        gone |= {name for name, audio in tombstones.items() if not audio.object_key}
        kept = await self._settle([tombstones[name] for name in gone], for_sweep=for_sweep)
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
        """D1 where it has not happened yet, and the lease where it is needed."""
        self.reach(Failpoint.BEFORE_D1)
        ready = [audio for audio in audios if audio.state is State.DELETING and not audio.holds_key]
        wanted = [audio for audio in audios if audio.state is not State.DELETING or audio.holds_key]
        now = self.now()
        lease = self.timing.lease(self.new_holder(), now)
        marked = await self.catalog.begin_delete(wanted, now, lease=lease) if wanted else []
        self.reach(Failpoint.AFTER_D1)
        return {audio.name: audio for audio in (*marked, *ready) if audio is not None}

    async def _delete_bytes(self, tombstones: Sequence[Audio]) -> set[AudioName]:
        """D2 and D3 in every store: a PUT that was not answered may have left a copy where the row does not say."""
        gone = {audio.name for audio in tombstones if audio.location in self.stores.by_location}
        for store in self.stores.by_location.values():
            try:
                gone &= await self._delete_group(store.blobs, tombstones)
                gone -= await abort_uploads(store, tombstones)
            except (BackendUnavailableError, BackendMisconfiguredError) as error:
                # The rows are tombstones by now: unreadable, and due for every later sweep.
                logger.warning("erase.unfinished", extra={"count": len(tombstones), "cause": type(error).__name__})
                gone = set()
        return gone

    async def _delete_group(self, blobs: BlobStore, group: Sequence[Audio]) -> set[AudioName]:
        self.reach(Failpoint.BEFORE_D2)
        deleted = [*await self._delete_own(blobs, group), *await self._delete_leased(blobs, group)]
        self.reach(Failpoint.AFTER_D2)
        still_there = await blobs.present([audio.object_key for audio in deleted]) if deleted else set()
        self.reach(Failpoint.AFTER_D3)
        return {audio.name for audio in deleted if audio.object_key not in still_there}

    async def _delete_own(self, blobs: BlobStore, group: Sequence[Audio]) -> list[Audio]:
        own = [audio for audio in group if not audio.holds_key]
        outcomes = await blobs.delete_many([BlobTarget(key=audio.object_key) for audio in own]) if own else []
        return _done(own, outcomes)

    async def _delete_leased(self, blobs: BlobStore, group: Sequence[Audio]) -> list[Audio]:
        ends = [self.timing.last_delete(audio.lease) for audio in group if audio.holds_key and audio.lease is not None]
        if not ends:
            return []
        leased = [audio for audio in group if audio.holds_key and audio.lease is not None]
        return _done(leased, await blobs.delete_until(min(ends), [audio.object_key for audio in leased]))

    async def _settle(self, gone: Sequence[Audio], *, for_sweep: bool) -> set[AudioName]:
        """D4 where no late PUT can land any more; the others stay as tombstones until then."""
        now = self.now()
        settled = {audio.name: audio for audio in gone if now >= self.timing.settled_time(audio)}
        if settled and not for_sweep:
            self.reach(Failpoint.BEFORE_D4)
            await self.catalog.remove(list(settled.values()))
            self.reach(Failpoint.AFTER_D4)
        waiting = [audio for audio in gone if for_sweep or audio.name not in settled]
        write_once = all(store.blobs.writes_once for store in self.stores.by_location.values())
        # Such a store refuses a late PUT of this audio over the next one's. Where it lands first, it is an orphan.
        # An upload in parts is aborted by its key, again and again until no part can land.
        early = {audio.name for audio in waiting if write_once and not audio.upload_id}
        freed = {a.name: a for a in waiting if a.holds_key and (a.name in early or a.name in settled)}
        if freed:
            self.reach(Failpoint.BEFORE_RELEASE)
            await self.catalog.release(list(freed.values()))
            self.reach(Failpoint.AFTER_RELEASE)
        if fresh := [audio for audio in waiting if not audio.bytes_gone and audio.name not in freed]:
            await self.catalog.mark_bytes_gone(fresh)
            self.reach(Failpoint.AFTER_NOTE)
        return {audio.name for audio in waiting}


def _done(audios: Sequence[Audio], outcomes: Sequence[DeleteOutcome]) -> list[Audio]:
    pairs = zip(audios, outcomes, strict=True)
    return [audio for audio, outcome in pairs if outcome is DeleteOutcome.DELETED]

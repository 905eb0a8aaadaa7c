"""Deleting by name, at a caller's wish."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mayfly_storage.domain.audio import Audio, AudioName, State
from mayfly_storage.usecases.erasing import EraseOutcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mayfly_storage.domain.ports import AudioCatalog
    from mayfly_storage.usecases.erasing import EraseAudio


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchDeleteAudio:
    """Deletes many audios by name, now: unreadable when it returns, bytes gone now or by the next sweep."""

    catalog: AudioCatalog
    erase: EraseAudio

    async def __call__(self, names: Sequence[AudioName], *, validate_only: bool = False) -> dict[AudioName, bool]:
        """Whether there was something to delete, for each different name."""
        rows = await self._living(names)
        found = dict.fromkeys(names, False) | dict.fromkeys(rows, True)
        while rows and not validate_only:
            erasures = await self.erase(list(rows.values()), for_sweep=True)
            # Committed or moved to another end in the very moment, say: it is still readable, so look again.
            changed = [name for name, e in zip(rows, erasures, strict=True) if e.outcome is EraseOutcome.CHANGED]
            rows = await self._living(changed)
        return found

    async def _living(self, names: Sequence[AudioName]) -> dict[AudioName, Audio]:
        rows = await self.catalog.get_many(list(dict.fromkeys(names))) if names else {}
        return {name: audio for name, audio in rows.items() if audio.state is not State.DELETING}


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteAudio:
    """Deletes one audio by name, now."""

    delete: BatchDeleteAudio

    async def __call__(self, name: AudioName) -> bool:
        """Whether there was something to delete."""
        return (await self.delete([name]))[name]

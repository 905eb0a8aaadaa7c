"""Imports a folder: each file is copied, recognised, and stored as if a caller had sent it. Safe to repeat.

A file's request id follows from its collection, path and content, so that what is repeated meets itself; what was
imported longer ago than request ids are remembered is known from the report.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final
from uuid import UUID, uuid5

from mayfly_storage.domain.errors import (
    BackendMisconfiguredError,
    ObjectKeyTakenError,
    RequestExpiredError,
    StorageError,
    StorageFullError,
)
from mayfly_storage.domain.uploads import NewAudio, Subject, UploadRequest
from mayfly_storage.importing.journal import Entry, Outcome
from mayfly_storage.importing.patterns import USER, Pattern, chosen
from mayfly_storage.importing.sniffing import content_type_of, duration_of
from mayfly_storage.importing.staging import SourceError, Staged, head_of, stage
from mayfly_storage.importing.walking import Found, walk

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mayfly_runtime.offload import Offload
    from mayfly_storage.domain.audio import Audio
    from mayfly_storage.domain.ports import AudioCatalog
    from mayfly_storage.importing.journal import Journal
    from mayfly_storage.usecases.drafting import DraftAudio
    from mayfly_storage.usecases.upload import StoreFile

# Any fixed UUID: it separates ids that are made here from those made elsewhere.
_NAMESPACE: Final = UUID("5a0f4a8e-7f1c-5c4f-9d54-0e2a3a1f6b77")
CALLER: Final = "import"
"""The writer of what was imported."""


class ImportStoppedError(Exception):
    """Going on would fail for every file; the report has what was done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What to import, and as what."""

    folder: Path
    collection: str
    pattern: Pattern
    lifetime: timedelta | None
    """Of the collection's audio."""
    from_file: bool = False
    """Count the life of an audio from its file's date, and not from now."""
    dry_run: bool = False
    workers: int = 4


@dataclass(slots=True)
class Summary:
    """How it went."""

    counts: Counter[Outcome] = field(default_factory=Counter)
    size_bytes: int = 0
    """Of what was (or would be) imported."""

    def add(self, entry: Entry) -> None:
        """Count one file."""
        self.counts[entry.outcome] += 1
        if entry.outcome in {Outcome.IMPORTED, Outcome.WOULD_IMPORT}:
            self.size_bytes += entry.size_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Importer:
    """Imports; what it copies is in `staging`, and gone when the file is done."""

    store: StoreFile
    draft: DraftAudio
    catalog: AudioCatalog
    journal: Journal
    staging: Path
    offload: Offload
    now: Callable[[], datetime]
    tell: Callable[[Entry], None]

    async def run(self, wanted: Wanted) -> Summary:
        """Import what is there, some files at a time.

        Raises:
            ImportStoppedError: The store refuses, or is full.
            JournalError: The report cannot be written.
        """
        summary, files, slots = Summary(), iter(walk(wanted.folder)), asyncio.Semaphore(wanted.workers)

        async def one(found: Found) -> None:
            try:
                entry = await self._import(found, wanted)
            finally:
                slots.release()
            self.journal.write(entry)
            summary.add(entry)
            self.tell(entry)

        try:
            async with asyncio.TaskGroup() as group:
                # The walk blocks for as long as a folder is listed; nothing else waits for this loop.
                for found in files:
                    await slots.acquire()
                    group.create_task(one(found))
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None
        return summary

    async def _import(self, found: Found, wanted: Wanted) -> Entry:
        if found.skipped:
            return _entry(found, Outcome.SKIPPED, found.skipped)
        if self.journal.knows(found):
            return _entry(found, Outcome.ALREADY)
        try:
            return await (self._look(found, wanted) if wanted.dry_run else self._take(found, wanted))
        except (BackendMisconfiguredError, StorageFullError) as error:
            raise ImportStoppedError(f"{error} It stopped at {found.path}; run it again to go on.") from error
        except RequestExpiredError:
            return _entry(found, Outcome.SKIPPED, "it was imported before, and has expired or was deleted since")
        except (SourceError, StorageError) as error:
            return _entry(found, Outcome.FAILED, str(error))

    async def _look(self, found: Found, wanted: Wanted) -> Entry:
        """A dry run: all that can be said without the whole file."""
        head = await self.offload(head_of, wanted.folder / found.path)
        staged = Staged(size_bytes=found.size_bytes, sha256=bytes(32), head=head)
        if (ended := self._ended(found, wanted)) is not None:
            return ended
        audio = self.draft(self._request(found, staged, wanted))
        return _entry(found, Outcome.WOULD_IMPORT, f"as {audio.object_key}")

    async def _take(self, found: Found, wanted: Wanted) -> Entry:
        if (ended := self._ended(found, wanted)) is not None:
            return ended
        copy = self.staging / secrets.token_hex(16)
        try:
            staged = await self.offload(stage, wanted.folder / found.path, found, copy)
            request = self._request(found, staged, wanted)
            try:
                audio = await self.store(request, copy)
            except ObjectKeyTakenError as taken:
                audio = await self._same(taken, staged)
                return _entry(found, Outcome.ALREADY, "the same bytes lie at its key", audio)
            return _entry(found, Outcome.IMPORTED, audio=audio)
        finally:
            await asyncio.shield(self.offload(copy.unlink, missing_ok=True))

    async def _same(self, taken: ObjectKeyTakenError, staged: Staged) -> Audio:
        """The audio that holds the key, if it has these bytes; raises `taken` otherwise."""
        holder = (await self.catalog.find_by_keys([taken.object_key])).get(taken.object_key)
        rows = await self.catalog.get_many([holder]) if holder is not None else {}
        audio = next(iter(rows.values()), None)
        if audio is None or audio.sha256 != staged.sha256 or not audio.is_readable(self.now()):
            raise taken
        return audio

    @staticmethod
    def _end(found: Found, wanted: Wanted) -> datetime | None:
        """When the audio ends by its file's date; None: by the collection's rule, from now on."""
        if not wanted.from_file or wanted.lifetime is None:
            return None
        return datetime.fromtimestamp(found.modified_ns / 1e9, UTC) + wanted.lifetime

    def _ended(self, found: Found, wanted: Wanted) -> Entry | None:
        end = self._end(found, wanted)
        if end is None or end > self.now():
            return None
        return _entry(found, Outcome.EXPIRED, f"its life ended at {end:%Y-%m-%d %H:%M} UTC")

    def _request(self, found: Found, staged: Staged, wanted: Wanted) -> UploadRequest:
        fields = wanted.pattern.fields_of(found.path)
        if fields is None:
            raise SourceError(f"its path does not match the pattern {wanted.pattern.text}")
        if not staged.size_bytes:
            raise SourceError("it is empty")
        content_type = content_type_of(staged.head)
        if content_type is None:
            raise SourceError("it holds no audio that is known (WAV, MP3, M4A, AAC, FLAC, Ogg, CAF, AIFF, WebM)")
        user_id = fields.get(USER, "")
        return UploadRequest(
            caller=CALLER,
            request_id=str(uuid5(_NAMESPACE, f"{wanted.collection}\0{found.path}\0{staged.sha256.hex()}")),
            audio=NewAudio(
                collection=wanted.collection,
                content_type=content_type,
                expire_time=self._end(found, wanted),
                key_fields=chosen(fields),
                subject=Subject(user_id=user_id) if user_id else None,
                duration=duration_of(staged.head, staged.size_bytes),
            ),
            size_bytes=staged.size_bytes,
            sha256=staged.sha256,
        )


def _entry(found: Found, outcome: Outcome, reason: str = "", audio: Audio | None = None) -> Entry:
    return Entry(
        path=found.path,
        outcome=outcome,
        reason=reason,
        name=str(audio.name) if audio is not None else "",
        size_bytes=found.size_bytes,
        modified_ns=found.modified_ns,
    )

"""Imports a folder: file by file, some at a time, until it is through or going on is of no use. Safe to repeat."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from mayfly_storage.domain.errors import (
    BackendMisconfiguredError,
    BackendUnavailableError,
    IdempotencyKeyReusedError,
    RequestExpiredError,
    StorageError,
    StorageFullError,
)
from mayfly_storage.importing.journal import Entry, Outcome
from mayfly_storage.importing.staging import SourceError
from mayfly_storage.importing.taking import StagingError, entry
from mayfly_storage.importing.walking import walk

if TYPE_CHECKING:
    from collections.abc import Callable

    from mayfly_storage.importing.taking import TakeFile, Wanted
    from mayfly_storage.importing.walking import Found

_PATIENCE: Final = 3
"""A store that has not answered for so many files of each worker, one after the other, is away."""


class ImportStoppedError(Exception):
    """Going on would fail for every file; the report has what was done."""


@dataclass(slots=True)
class Summary:
    """How it went."""

    counts: Counter[Outcome] = field(default_factory=Counter)
    size_bytes: int = 0
    """Of what was (or would be) imported."""
    unanswered: int = 0
    """For how many files, up to the last one, the store has not answered."""

    def add(self, entry: Entry) -> None:
        """Count one file."""
        self.counts[entry.outcome] += 1
        if entry.outcome in {Outcome.IMPORTED, Outcome.WOULD_IMPORT}:
            self.size_bytes += entry.size_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Importer:
    """Imports; what was imported longer ago than request ids are remembered is known from the journal."""

    take: TakeFile
    tell: Callable[[Entry], None]

    async def run(self, wanted: Wanted) -> Summary:
        """Import what is there.

        Raises:
            ImportStoppedError: The store refuses, is full or away, or the data folder takes no copies.
            JournalError: The report cannot be written.
        """
        summary, slots = Summary(), asyncio.Semaphore(wanted.workers)

        async def one(found: Found) -> None:
            try:
                line = await self._import(found, wanted, summary)
            finally:
                slots.release()
            summary.add(line)
            self.tell(line)

        try:
            async with asyncio.TaskGroup() as group:
                # The walk blocks for as long as a folder is listed; nothing else waits for this loop.
                for found in walk(wanted.folder, own=wanted.own):
                    await slots.acquire()
                    group.create_task(one(found))
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None
        return summary

    async def _import(self, found: Found, wanted: Wanted, summary: Summary) -> Entry:
        if self.take.journal.knows(found):  # and has its line
            return entry(found, Outcome.ALREADY)
        try:
            line = await self._outcome(found, wanted)
            summary.unanswered = 0
        except (BackendMisconfiguredError, StorageFullError, StagingError) as error:
            raise _stopped(error, found) from error
        except BackendUnavailableError as error:
            summary.unanswered += 1
            if summary.unanswered >= _PATIENCE * wanted.workers:
                raise _stopped(error, found) from error
            line = entry(found, Outcome.FAILED, str(error))
        self.take.journal.write(line)
        return line

    async def _outcome(self, found: Found, wanted: Wanted) -> Entry:
        if found.skipped or found.unreadable:
            return entry(found, Outcome.SKIPPED if found.skipped else Outcome.FAILED, found.skipped or found.unreadable)
        try:
            return await self.take(found, wanted)
        except RequestExpiredError:
            return entry(found, Outcome.SKIPPED, "it was imported before, and has expired or was deleted since")
        except IdempotencyKeyReusedError:
            return entry(found, Outcome.FAILED, "it was imported before, with other fields or another end")
        except (BackendMisconfiguredError, StorageFullError, BackendUnavailableError):
            raise
        except (SourceError, StorageError) as error:
            return entry(found, Outcome.FAILED, str(error))


def _stopped(error: Exception, found: Found) -> ImportStoppedError:
    return ImportStoppedError(f"{error} It stopped at {found.path!r}; run it again to go on.")

"""What became of each file: a line of JSON each. It is the report, and lets the next run go on where this one ended."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mayfly_storage.importing.walking import Found


class Outcome(StrEnum):
    """What became of a file."""

    IMPORTED = "imported"
    WOULD_IMPORT = "would import"
    """In a dry run."""
    ALREADY = "already"
    """An earlier run has imported it, and it has not changed since."""
    EXPIRED = "expired"
    """By its own date its audio would have ended already."""
    SKIPPED = "skipped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line."""

    path: str
    outcome: Outcome
    reason: str = ""
    name: str = ""
    """The audio's name at storage."""
    size_bytes: int = 0
    modified_ns: int = 0


class JournalError(Exception):
    """The report cannot be read or written."""


class Journal:
    """Remembers what was imported: some 200 bytes of memory for each file."""

    def __init__(self, file: TextIO | None, done: dict[str, tuple[int, int]]) -> None:
        """Take where to write (None: nowhere), and what was imported with which size and date."""
        self._file = file
        self._done = done

    def knows(self, found: Found) -> bool:
        """Whether this very file was imported."""
        return self._done.get(found.path) == (found.size_bytes, found.modified_ns)

    def write(self, entry: Entry) -> None:
        """Add a line; what was imported is on disk when this returns."""
        if self._file is None:
            return
        self._file.write(json.dumps({key: value for key, value in asdict(entry).items() if value}) + "\n")
        self._file.flush()
        if entry.outcome is Outcome.IMPORTED:
            os.fsync(self._file.fileno())


@contextmanager
def open_journal(path: Path, *, dry_run: bool) -> Iterator[Journal]:
    """Read what is there, and go on writing behind it; a dry run only reads.

    Raises:
        JournalError: If it cannot be read or written.
    """
    try:
        done = _read(path) if path.exists() else {}
        if dry_run:
            yield Journal(None, done)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            yield Journal(file, done)
    except OSError as error:
        raise JournalError(
            f"The report {path} cannot be used: {error.strerror}. Name another one with --report."
        ) from error


def _read(path: Path) -> dict[str, tuple[int, int]]:
    done: dict[str, tuple[int, int]] = {}
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            try:
                entry = json.loads(line)
                if entry["outcome"] == Outcome.IMPORTED:
                    done[entry["path"]] = (entry.get("size_bytes", 0), entry.get("modified_ns", 0))
            except (ValueError, KeyError, TypeError):
                if line.endswith("\n"):  # a last line that was cut off is a run that was killed
                    raise JournalError(f"Line {number} of {path} is no line of a report. Name another one.") from None
    return done

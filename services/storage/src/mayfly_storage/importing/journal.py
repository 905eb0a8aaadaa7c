"""What became of each file: a line of JSON each. It is the report, and lets the next run go on where this one ended."""

from __future__ import annotations

import fcntl
import json
import os
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from mayfly_storage.domain.audio import AudioName

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from mayfly_storage.importing.walking import Found

_BEGINNING: Final = b'{"path": '
"""Of every line: what does not begin so is somebody's file, and not ours to write to."""
_BEGUN: Final = "begun"
"""A line for a file whose name at storage is known, and whose bytes are not there yet."""


class Outcome(StrEnum):
    """What became of a file."""

    IMPORTED = "imported"
    WOULD_IMPORT = "would import"
    """In a dry run."""
    ALREADY = "already"
    """It is in storage since an earlier run, and has not changed."""
    EXPIRED = "expired"
    """By its own date its audio would have ended already."""
    SKIPPED = "skipped"
    FAILED = "failed"


_DONE: Final = {Outcome.IMPORTED, Outcome.ALREADY}


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
    sha256: str = ""
    """Of what was imported, in hex."""


class JournalError(Exception):
    """The report cannot be read or written."""

    @classmethod
    def refused(cls, path: Path, reason: str) -> JournalError:
        """Take the report, and why it cannot be used."""
        return cls(f"The report {path} cannot be used: {reason}. Name another one with --report.")


class Journal:
    """Remembers what was imported: some 300 bytes of memory for each file."""

    def __init__(self, path: Path, file: BinaryIO | None = None) -> None:
        """Take where it is kept, and its file; without one, nothing is written."""
        self._path = path
        self._file = file
        self._done: dict[str, tuple[int, int, bytes]] = {}
        self._begun: dict[str, list[AudioName]] = {}

    def knows(self, found: Found) -> bool:
        """Whether this very file was imported: its size and its date are the same."""
        return self._done.get(found.path, (None, None))[:2] == (found.size_bytes, found.modified_ns)

    def has(self, found: Found, sha256: bytes) -> bool:
        """Whether a file of this path and these bytes was imported, whatever date it has now."""
        return self._done.get(found.path, (0, 0, b""))[2] == sha256

    def begun(self, found: Found) -> Sequence[AudioName]:
        """Names at storage under which the file may lie: a run ended before it heard what became of it."""
        return self._begun.get(found.path, ())

    def begin(self, found: Found, name: AudioName) -> None:
        """Note a name before bytes lie under it; it is on disk when this returns. Raises JournalError."""
        self._add({"path": found.path, "outcome": _BEGUN, "name": str(name)}, sync=True)

    def write(self, entry: Entry) -> None:
        """Add a line; what was imported is on disk when this returns. Raises JournalError."""
        self._add({key: value for key, value in asdict(entry).items() if value}, sync=entry.outcome in _DONE)

    def read(self, file: BinaryIO) -> int:
        """Take over what an earlier run has written; where its last whole line ends. Raises JournalError."""
        end = 0
        for number, line in enumerate(file, 1):
            if not line.endswith(b"\n") and _BEGINNING.startswith(line[: len(_BEGINNING)]):
                break  # a kill has cut it off
            try:
                self._take(json.loads(line))
            except (ValueError, LookupError, TypeError, AttributeError):
                raise JournalError.refused(self._path, f"its line {number} is no line of a report") from None
            end += len(line)
        return end

    def _take(self, line: dict[str, Any]) -> None:
        path, outcome = line["path"], line["outcome"]
        if outcome == _BEGUN:
            self._begun.setdefault(path, []).append(AudioName.parse(line["name"]))
        elif outcome in _DONE:
            sha256 = bytes.fromhex(line.get("sha256", ""))
            self._done[path] = (line.get("size_bytes", 0), line.get("modified_ns", 0), sha256)
            self._begun.pop(path, None)

    def _add(self, line: dict[str, Any], *, sync: bool = False) -> None:
        if self._file is None:
            return
        try:
            self._file.write(json.dumps(line).encode() + b"\n")
            self._file.flush()
            if sync:
                os.fsync(self._file.fileno())
        except OSError as error:
            raise JournalError.refused(self._path, error.strerror or str(error)) from error


@contextmanager
def open_journal(path: Path, *, dry_run: bool) -> Iterator[Journal]:
    """Read what is there, and go on writing behind it; a dry run only reads.

    Raises:
        JournalError: If it cannot be read or written, or another import writes it.
    """
    try:
        file = _open(path, dry_run=dry_run)
    except OSError as error:
        raise JournalError.refused(path, error.strerror or str(error)) from error
    if file is None:
        yield Journal(path)
        return
    with file:
        journal = Journal(path, None if dry_run else file)
        end = journal.read(file)
        if not dry_run:
            file.seek(end)
            file.truncate()
        yield journal


def _open(path: Path, *, dry_run: bool) -> BinaryIO | None:
    if dry_run:
        return path.open("rb") if path.exists() else None
    path.parent.mkdir(parents=True, exist_ok=True)
    file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "r+b")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise JournalError.refused(path, "another import writes it") from None
    return file

"""The data folder: made, checked and locked, so that no second process writes into it."""

from __future__ import annotations

import fcntl
import os
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class DataFolderError(Exception):
    """Storage cannot start with this data folder; an operator has to act."""

    def __init__(self, path: Path, reason: str) -> None:
        """Take the path that is in the way, and what is wrong with it and what to do."""
        super().__init__(f"Cannot keep audio in {path}: {reason}")
        self.path = path
        self.reason = reason


@dataclass(frozen=True, slots=True)
class DataFolder:
    """Where things are."""

    root: Path

    @property
    def database(self) -> Path:
        """The catalog."""
        return self.root / "catalog.sqlite3"

    @property
    def objects(self) -> Path:
        """The bytes, by object key."""
        return self.root / "objects"

    @property
    def staging(self) -> Path:
        """Bytes under way to `objects`, on the same file system."""
        return self.root / "staging"

    @property
    def link_key(self) -> Path:
        """The secret that signs links, if none was given."""
        return self.root / "link.key"

    @property
    def lock(self) -> Path:
        """Held while a process uses the folder. The file stays; the lock goes with the process, however it ends."""
        return self.root / "lock"


@contextmanager
def open_folder(path: Path) -> Iterator[DataFolder]:
    """Make what is missing, and hold the folder.

    Raises:
        DataFolderError: If it is no folder, cannot be written, or another process holds it.
    """
    folder = DataFolder(path.resolve())
    with ExitStack() as stack:
        with data_folder_errors(path):
            _make(folder)
            handle = os.open(folder.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            stack.callback(os.close, handle)  # which gives the lock back
            _hold(handle, folder)
            _empty(folder.staging)
        yield folder


def require_catalog(folder: DataFolder) -> None:
    """Start empty with an empty folder only: a sweep takes what no row leads to for orphans, and deletes it.

    Raises:
        DataFolderError: If there is audio, and no catalog that could know it.
    """
    if folder.database.exists() and folder.database.stat().st_size:
        return
    if any(path.is_file() for path in folder.objects.rglob("*")):
        raise DataFolderError(
            folder.database,
            "it is missing or empty, and audio lies in the folder `objects`, all of which the next sweep would delete. "
            "Bring the catalog back from a backup, or move `objects` away to start empty.",
        )


@contextmanager
def data_folder_errors(path: Path) -> Iterator[None]:
    """Within it, what goes wrong with a folder of audio is told as something to be mended."""
    try:
        yield
    except OSError as error:
        raise DataFolderError(_culprit(error, path), _explain(error)) from error


def _make(folder: DataFolder) -> None:
    for path in (folder.root, folder.objects, folder.staging):
        path.mkdir(mode=0o700, parents=True, exist_ok=True)


def _hold(handle: int, folder: DataFolder) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(handle, 20, 0).decode(errors="replace").strip() or "unknown"
        raise DataFolderError(
            folder.root,
            f"another process (pid {holder}) uses it. Stop that process, or choose another folder in the settings.",
        ) from None
    # The process id is for the message above only: a full disk must not keep storage from starting, and being swept.
    with suppress(OSError):
        os.truncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)


def _empty(staging: Path) -> None:
    # The folder is held, so whatever was under way belonged to a process that is gone.
    for leftover in staging.iterdir():
        leftover.unlink(missing_ok=True)


def _culprit(error: OSError, path: Path) -> Path:
    return type(path)(error.filename) if isinstance(error.filename, str) else path


def _explain(error: OSError) -> str:
    if isinstance(error, FileExistsError | NotADirectoryError):
        return "it is a file, and has to be a folder. Choose another folder in the settings."
    if isinstance(error, PermissionError):
        return f"user {os.geteuid()} may not write there. Change its owner, or choose another folder in the settings."
    return f"{error.strerror}. Mend it, or choose another folder in the settings."

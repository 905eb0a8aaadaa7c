"""A copy of a source file that is storage's own, with what has to be known of it. The source is only read."""

from __future__ import annotations

import fcntl
import hashlib
import os
import stat
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mayfly_storage.data_dir import DataDirError, usable
from mayfly_storage.importing.sniffing import HEAD_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mayfly_storage.importing.walking import Found

_CHUNK: Final = 1024 * 1024
_FOLDER: Final = "import"
_LOOK: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC


class SourceError(Exception):
    """A file of the folder cannot be taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged:
    """The copy."""

    size_bytes: int
    sha256: bytes
    head: bytes


def stage(root: Path, found: Found, target: Path) -> Staged:
    """Copy a file piece by piece. Blocks.

    Raises:
        SourceError: It cannot be read, or is not what was found any more.
        OSError: The copy cannot be written.
    """
    digest, head, size = hashlib.sha256(), b"", 0
    with os.fdopen(_open(root, found.path), "rb", buffering=0) as reader, target.open("xb") as writer:
        # No further than what was found: a log that somebody writes to would never end.
        while size <= found.size_bytes and (chunk := _read(reader.fileno(), _CHUNK)):
            head = head or chunk[:HEAD_BYTES]
            digest.update(chunk)
            writer.write(chunk)
            size += len(chunk)
        there = os.fstat(reader.fileno())
    if (size, there.st_mtime_ns) != (found.size_bytes, found.modified_ns):
        raise SourceError("it changed while it was read; import it again when nobody writes to it any more")
    return Staged(size_bytes=size, sha256=digest.digest(), head=head)


def head_of(root: Path, path: str) -> bytes:
    """The first bytes. Blocks. Raises SourceError."""
    handle = _open(root, path)
    try:
        return _read(handle, HEAD_BYTES)
    finally:
        os.close(handle)


@contextmanager
def staging_folder(data_dir: Path) -> Iterator[Path]:
    """A folder for copies, for one import at a time; what a killed one left in it is removed.

    Raises:
        DataDirError: It cannot be used, or another import uses it.
    """
    folder = data_dir / _FOLDER
    with usable(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = _lock(data_dir)
    if handle is None:
        raise DataDirError(folder, "another import uses it")
    try:
        with usable(folder):
            _clear(folder)
        try:
            yield folder
        finally:
            with usable(folder):
                _clear(folder)
    finally:
        os.close(handle)


def clear_staging(data_dir: Path) -> None:
    """Remove the copies that a killed import left, unless one is running. Blocks. Raises OSError."""
    folder = data_dir / _FOLDER
    if folder.is_dir() and (handle := _lock(data_dir)) is not None:
        try:
            _clear(folder)
        finally:
            os.close(handle)


def _clear(folder: Path) -> None:
    for left in folder.iterdir():
        left.unlink(missing_ok=True)


def _lock(data_dir: Path) -> int | None:
    handle = os.open(data_dir / f"{_FOLDER}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    return handle


def _open(root: Path, path: str) -> int:
    """Not through a link at any depth, whatever somebody has put there since; and a pipe must not hold us up."""
    *folders, name = path.split("/")
    try:
        handle = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for folder in folders:
                inner = os.open(folder, _LOOK | os.O_DIRECTORY, dir_fd=handle)
                os.close(handle)
                handle = inner
            file = os.open(name, _LOOK | os.O_NONBLOCK, dir_fd=handle)
        finally:
            os.close(handle)
    except OSError as error:
        raise SourceError(f"it cannot be read: {error.strerror}") from error
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise SourceError("it is no file any more")
    return file


def _read(handle: int, size: int) -> bytes:
    try:
        return os.read(handle, size)
    except OSError as error:
        raise SourceError(f"it cannot be read: {error.strerror}") from error

"""Files written so that a crash leaves all of them or nothing. Everything here blocks, and runs in a pool."""

from __future__ import annotations

import hashlib
import os
import secrets
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from mayfly_storage.backends.embedded.rows import from_micros
from mayfly_storage.domain.ports import StoredBlob

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CHUNK: Final = 1024 * 1024


@contextmanager
def opened(path: Path, flags: int = os.O_RDONLY) -> Iterator[int]:
    """A file descriptor; never follows a link at the end of the path."""
    handle = os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        yield handle
    finally:
        os.close(handle)


@contextmanager
def opened_object(path: Path) -> Iterator[int | None]:
    """A file descriptor of a regular file; None if there is none."""
    handle = open_object(path)
    try:
        yield handle
    finally:
        if handle is not None:
            os.close(handle)


def open_object(path: Path) -> int | None:
    """A file descriptor of a regular file, to be closed by the caller; None if there is none."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError):
        return None
    if stat.S_ISREG(os.fstat(handle).st_mode):
        return handle
    os.close(handle)
    return None


def sha256_of(handle: int) -> bytes:
    """The checksum of a whole file."""
    digest, offset = hashlib.sha256(), 0
    while chunk := os.pread(handle, CHUNK, offset):
        digest.update(chunk)
        offset += len(chunk)
    return digest.digest()


def copy(source: Path, folder: Path) -> Path:
    """A new file in the folder with the same bytes. Nothing is left if that fails."""
    target = new_name(folder)
    try:
        with opened(source) as reader, opened(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL) as writer:
            while chunk := os.read(reader, CHUNK):
                write_all(writer, chunk)
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    return target


def new_name(folder: Path) -> Path:
    """A path in the folder that nobody else has."""
    return folder / secrets.token_hex(16)


def write_all(handle: int, chunk: bytes) -> None:
    """Write all of it: the system may take less at a time, and does so when the disk fills up."""
    left = memoryview(chunk)
    while left:
        left = left[os.write(handle, left) :]


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    with opened(folder, os.O_RDONLY | os.O_DIRECTORY) as handle:
        os.fsync(handle)


def make_folders(root: Path, folder: Path) -> None:
    """Make a folder below the root; each new one is durable before anything is put into it."""
    missing = []
    while folder != root and not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for each in reversed(missing):
        each.mkdir(mode=0o700)
        sync_folder(each.parent)


def prune_folders(root: Path, folder: Path) -> None:
    """Remove a folder and those above it, below the root, as far as they are empty."""
    while folder != root:
        try:
            folder.rmdir()
        except FileNotFoundError:
            pass
        except OSError:  # not empty
            return
        folder = folder.parent


def etag_of(there: os.stat_result) -> str:
    """Which writing of a key this is, not which bytes. Without the inode, so that a copied data folder still fits."""
    return f"{there.st_mtime_ns:x}-{there.st_size:x}"


def stored_blob(key: str, there: os.stat_result, *, sha256: bytes | None = None) -> StoredBlob:
    """What is known of a file."""
    return StoredBlob(
        key=key,
        size_bytes=there.st_size,
        etag=etag_of(there),
        modified_time=from_micros(there.st_mtime_ns // 1000),
        sha256=sha256,
    )

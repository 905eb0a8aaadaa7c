"""A copy of a source file that is storage's own, with what has to be known of it. The source is only read."""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mayfly_storage.importing.sniffing import HEAD_BYTES

if TYPE_CHECKING:
    from pathlib import Path

    from mayfly_storage.importing.walking import Found

_CHUNK: Final = 1024 * 1024


class SourceError(Exception):
    """A file of the folder cannot be taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged:
    """The copy."""

    size_bytes: int
    sha256: bytes
    head: bytes


def stage(source: Path, found: Found, target: Path) -> Staged:
    """Copy a file piece by piece. Blocks.

    Raises:
        SourceError: It cannot be read, or is not what was found any more.
        OSError: The copy cannot be written.
    """
    digest, head, size = hashlib.sha256(), b"", 0
    handle = _open(source)
    with os.fdopen(handle, "rb", buffering=0) as reader, target.open("xb") as writer:
        while chunk := _read(reader.fileno()):
            head = head or chunk[:HEAD_BYTES]
            digest.update(chunk)
            writer.write(chunk)
            size += len(chunk)
        there = os.fstat(reader.fileno())
    if (size, there.st_mtime_ns) != (found.size_bytes, found.modified_ns):
        raise SourceError("it changed while it was read; import it again when nobody writes to it any more")
    return Staged(size_bytes=size, sha256=digest.digest(), head=head)


def head_of(source: Path) -> bytes:
    """The first bytes. Blocks. Raises SourceError."""
    handle = _open(source)
    try:
        return os.pread(handle, HEAD_BYTES, 0)
    except OSError as error:
        raise SourceError(f"it cannot be read: {error.strerror}") from error
    finally:
        os.close(handle)


def _open(source: Path) -> int:
    try:
        # Not through a link, whatever somebody has put there since; and a pipe must not hold us up.
        handle = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise SourceError(f"it cannot be read: {error.strerror}") from error
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise SourceError("it is no file any more")
    return handle


def _read(handle: int) -> bytes:
    try:
        return os.read(handle, _CHUNK)
    except OSError as error:
        raise SourceError(f"it cannot be read: {error.strerror}") from error

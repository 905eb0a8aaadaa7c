"""Temporary files for what has to be read twice, or from its end.

A file has no name: it is made unnamed (`O_TMPFILE`), or loses its name at once. So it goes with its last descriptor,
however the process ends, and nobody finds it by a path. The folder is private to the user; what a crash in the moment
between making and unnaming leaves there is swept at the start.
"""

from __future__ import annotations

import errno
import logging
import os
import stat
import tempfile
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mayfly_synth.domain.processing_errors import InputTooLargeError, ScratchForbiddenError, ScratchFullError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

FOLDER: Final = "mayfly-synth-scratch"
# The last one: the process may write no file as large as that.
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
# O_TMPFILE is not everywhere: network and overlay file systems of old kernels refuse it in one of these ways.
_NO_UNNAMED: Final = frozenset({errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOENT})
_COPY_BYTES: Final = 1024 * 1024
_RETRY_AFTER: Final = timedelta(seconds=10)

_log = logging.getLogger("mayfly.synth.scratch")


@dataclass(frozen=True, slots=True)
class Scratch:
    """The folders in which temporary files are made, the first one first. Everything blocks."""

    folders: tuple[Path, ...]
    max_bytes: int
    """Of one file."""
    count_removal: Callable[[str], None] = lambda _: None
    """Told of each removal how it went: `ok` or `failed`."""

    @classmethod
    def in_folders(
        cls, parents: Sequence[Path], *, max_bytes: int, count_removal: Callable[[str], None] = lambda _: None
    ) -> Scratch:
        """Private folders in these, which are made when they are needed."""
        folders = tuple(parent / f"{FOLDER}-{os.getuid()}" for parent in parents)
        return cls(folders, max_bytes, count_removal)

    def sweep(self) -> int:
        """Remove what an earlier process left behind; answers how many files. No living process's file has a name."""
        swept = 0
        for folder in self.folders:
            with suppress(OSError):
                if _is_private(folder):
                    swept += sum(_unlink(Path(entry.path)) for entry in os.scandir(folder))
        if swept:
            _log.info("scratch_swept", extra={"files": swept})
        return swept

    @contextmanager
    def file(self) -> Iterator[ScratchFile]:
        """An empty file, removed at the end whatever happens.

        Raises:
            ScratchFullError: If no folder has room.
            ScratchForbiddenError: If no folder may be written to.
        """
        made = ScratchFile(self)
        try:
            yield made
        finally:
            made.close()

    def open(self, *, after: int = -1, needed: int = 0) -> tuple[int, int]:
        """A descriptor of a new file, and the index of its folder, which is the first that works after one."""
        full = after >= 0
        for index, folder in list(enumerate(self.folders))[after + 1 :]:
            try:
                return _unnamed(folder), index
            except OSError as error:
                full = full or error.errno in _FULL
                _log.warning("scratch_folder_unusable", extra={"folder": str(folder), "error": error.strerror or ""})
        if full:
            raise ScratchFullError(needed_bytes=needed or self.max_bytes, retry_after=_RETRY_AFTER)
        raise ScratchForbiddenError


class ScratchFile:
    """A file that grows up to a bound, and moves to the next folder where there is no room."""

    __slots__ = ("_folder", "_scratch", "fd", "size")

    def __init__(self, scratch: Scratch) -> None:
        self._scratch = scratch
        self.fd, self._folder = scratch.open()
        self.size = 0
        """Bytes so far."""

    def write(self, data: bytes) -> None:
        """Put bytes at the end.

        Raises:
            InputTooLargeError: If the bound would be passed.
            ScratchFullError: If no folder has room.
        """
        if self.size + len(data) > self._scratch.max_bytes:
            raise InputTooLargeError(size_bytes=self.size + len(data), max_size_bytes=self._scratch.max_bytes)
        while True:
            try:
                _write_all(self.fd, data, at=self.size)
            except OSError as error:
                if error.errno not in _FULL:
                    raise
                self._move(needed=self.size + len(data))
            else:
                self.size += len(data)
                return

    def rewind(self) -> int:
        """The descriptor, at the start of the file."""
        os.lseek(self.fd, 0, os.SEEK_SET)
        return self.fd

    def close(self) -> None:
        """Remove the file. A failure is logged and counted, and breaks nothing."""
        try:
            os.close(self.fd)
        except OSError as error:
            _log.warning("scratch_removal_failed", extra={"error": error.strerror or ""})
            self._scratch.count_removal("failed")
        else:
            self._scratch.count_removal("ok")

    def _move(self, *, needed: int) -> None:
        fd, self._folder = self._scratch.open(after=self._folder, needed=needed)
        old, self.fd = self.fd, fd
        try:
            for at in range(0, self.size, _COPY_BYTES):
                _write_all(fd, os.pread(old, min(_COPY_BYTES, self.size - at), at), at=at)
        except OSError as error:
            if error.errno in _FULL:
                raise ScratchFullError(needed_bytes=needed, retry_after=_RETRY_AFTER) from error
            raise
        finally:
            os.close(old)


def _write_all(fd: int, data: bytes, *, at: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(fd, view, at)
        view, at = view[written:], at + written


def _unnamed(folder: Path) -> int:
    folder.mkdir(mode=0o700, exist_ok=True)
    if not _is_private(folder):
        raise PermissionError(errno.EPERM, "the folder is another user's, or others may look into it", str(folder))
    if hasattr(os, "O_TMPFILE"):
        try:
            return os.open(folder, os.O_TMPFILE | os.O_RDWR | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except OSError as error:
            if error.errno not in _NO_UNNAMED:
                raise
    fd, path = tempfile.mkstemp(dir=folder)
    _unlink(Path(path))
    return fd


def _is_private(folder: Path) -> bool:
    status = folder.lstat()
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid() and not status.st_mode & 0o077


def _unlink(path: Path) -> bool:
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    return True

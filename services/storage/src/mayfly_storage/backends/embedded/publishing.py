"""W2 on files: from any file to a name in the store, durably, once."""

from __future__ import annotations

import itertools
import os
import shutil
import stat
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from mayfly_storage.backends.embedded import files
from mayfly_storage.backends.embedded.errors import BACKEND
from mayfly_storage.backends.embedded.rows import to_micros
from mayfly_storage.domain.errors import (
    BackendMisconfiguredError,
    BackendUnavailableError,
    ContentMismatchError,
    InvalidAudioError,
    StorageFullError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from pathlib import Path

    from mayfly_storage.backends.embedded.keys_on_disk import KeyPaths
    from mayfly_storage.domain.ports import BlobFacts, StoredBlob

_TRIES: Final = 3
"""A key can be taken and free again between two looks; not often."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Publisher:
    """Gives names to files."""

    paths: KeyPaths
    staging: Path
    """On the same file system as the names."""
    headroom_bytes: int
    now: Callable[[], datetime]
    names: threading.Lock = field(default_factory=threading.Lock)
    """Held while a name is made or taken away, so that a folder is not pruned under a new name."""
    _writes: Iterator[int] = field(default_factory=itertools.count)

    def put(self, key: str, path: Path, facts: BlobFacts) -> StoredBlob:
        """Publish a file under its key; it is gone from its own path afterwards, if it was on the same file system."""
        target = self.paths.of(key)
        staged = self._stage(path)
        try:
            with files.opened(staged) as handle:
                require_announced(handle, facts)
                self._date(handle)
                os.fsync(handle)
            return self._publish(staged, target, key, facts)
        finally:
            if staged != path:
                staged.unlink(missing_ok=True)

    def check(self) -> None:
        """Raise BackendMisconfiguredError unless files can be written."""
        for folder in (self.paths.root, self.staging):
            if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
                raise BackendMisconfiguredError(BACKEND, f"{folder} is missing or cannot be written")

    def require_room(self, size_bytes: int) -> None:
        """Raise StorageFullError if so many bytes more would take the headroom."""
        if shutil.disk_usage(self.staging).free < size_bytes + self.headroom_bytes:
            raise StorageFullError

    def _stage(self, path: Path) -> Path:
        """A file of ours alone, on the right file system."""
        there = path.lstat()
        ours = stat.S_ISREG(there.st_mode) and there.st_nlink == 1 and there.st_uid == os.geteuid()
        if ours and there.st_dev == self.staging.stat().st_dev:
            self.require_room(0)
            return path
        self.require_room(there.st_size)
        return files.copy(path, self.staging)

    def _date(self, handle: int) -> None:
        """Date a file by the store's clock, with a running number below the microsecond: no two are dated alike."""
        nanoseconds = to_micros(self.now()) * 1000 + next(self._writes) % 1000
        os.utime(handle, ns=(nanoseconds, nanoseconds))
        os.fchmod(handle, 0o600)

    def _publish(self, staged: Path, target: Path, key: str, facts: BlobFacts) -> StoredBlob:
        for _ in range(_TRIES):
            named = self._name(staged, target)
            found = files.stored_blob(key, staged.stat(), sha256=facts.sha256) if named else _own(target, key, facts)
            if found is not None:
                staged.unlink()
                return found
        raise BackendUnavailableError(BACKEND)

    def _name(self, staged: Path, target: Path) -> bool:
        """Whether the file got the name; False if it is taken. Durable either way."""
        with self.names:
            try:
                files.make_folders(self.paths.root, target.parent)
            except (FileExistsError, NotADirectoryError):
                raise InvalidAudioError(
                    "audio.key_fields", "another audio's key ends where a folder is needed"
                ) from None
            try:
                os.link(staged, target)
                named = True
            except FileExistsError:
                named = False
            folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return named


def require_announced(handle: int, facts: BlobFacts) -> None:
    """Raise ContentMismatchError unless a file is what was announced."""
    size = os.fstat(handle).st_size
    if size != facts.size_bytes:
        raise ContentMismatchError("size_bytes", expected=facts.size_bytes, actual=size)
    if (actual := files.sha256_of(handle)) != facts.sha256:
        raise ContentMismatchError("sha256", expected=facts.sha256.hex(), actual=actual.hex())


def _own(target: Path, key: str, facts: BlobFacts) -> StoredBlob | None:
    """What lies at a taken key, if it is what was to be put there; None if the key is free again."""
    with files.opened_object(target) as handle:
        if handle is None:
            if target.is_dir():
                raise InvalidAudioError("audio.key_fields", "other audios' keys lie below this one")
            return None
        there = os.fstat(handle)
        if there.st_size != facts.size_bytes or (sha256 := files.sha256_of(handle)) != facts.sha256:
            raise ContentMismatchError("attempt", expected=facts.attempt, actual="another upload's")
        return files.stored_blob(key, there, sha256=sha256)

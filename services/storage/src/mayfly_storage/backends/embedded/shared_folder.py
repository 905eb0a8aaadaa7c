"""A folder of audio that several processes share, on one machine or by a network file system.

Each has a staging folder of its own, which it holds by a lock; what a dead one left behind goes at the next start. The
folder has an identity, by which processes can tell that theirs is the same one.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import uuid
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mayfly_storage.backends.embedded.files import opened, sync_folder, write_all
from mayfly_storage.backends.embedded.folder import DataFolderError, data_folder_errors

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_LOCK: Final = "lock"


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedFolder:
    """Where things are."""

    root: Path
    staging: Path
    """This process's own."""
    identity: str

    @property
    def objects(self) -> Path:
        """The bytes, by object key."""
        return self.root / "objects"

    @property
    def link_key(self) -> Path:
        """The secret that signs links, if none was given: all who share the folder share it."""
        return self.root / "link.key"


@contextmanager
def open_shared_folder(path: Path) -> Iterator[SharedFolder]:
    """Make what is missing, and hold a staging folder in it.

    Raises:
        DataFolderError: If it is no folder, or cannot be written.
    """
    root = path.resolve()
    with ExitStack() as stack:
        with data_folder_errors(path):
            for each in (root, root / "objects", root / "staging"):
                each.mkdir(mode=0o700, parents=True, exist_ok=True)
            identity = _identity(root)
            _clear(root / "staging")
            staging = stack.enter_context(_held_staging(root / "staging"))
        yield SharedFolder(root=root, staging=staging, identity=identity)


def _identity(root: Path) -> str:
    """Of the folder; made once, by whoever comes first."""
    target = root / "identity"
    if not target.exists():
        staged = root / f"identity.{uuid.uuid4().hex}"
        with opened(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL) as handle:
            write_all(handle, f"{uuid.uuid4()}\n".encode())
            os.fsync(handle)
        with suppress(FileExistsError):
            os.link(staged, target)
        staged.unlink()
        sync_folder(root)
    text = target.read_text(encoding="ascii").strip()
    try:
        return str(uuid.UUID(text))
    except ValueError:
        reason = "it has to hold the UUID by which those who share the folder recognise it; restore it."
        raise DataFolderError(target, reason) from None


@contextmanager
def _held_staging(parent: Path) -> Iterator[Path]:
    own = parent / uuid.uuid4().hex
    own.mkdir(mode=0o700)
    handle = os.open(own / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield own
    finally:
        shutil.rmtree(own, ignore_errors=True)
        os.close(handle)


def _clear(parent: Path) -> None:
    """Remove what processes left that are gone."""
    for folder in parent.iterdir():
        if folder.is_dir() and not _is_held(folder / _LOCK):
            shutil.rmtree(folder, ignore_errors=True)


def _is_held(lock: Path) -> bool:
    try:
        handle = os.open(lock, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return True  # it is being made at this moment
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False

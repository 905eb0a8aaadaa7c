"""What storage itself keeps in its data folder, whatever the backend: the spool, and a secret that nobody gave."""

from __future__ import annotations

import os
import secrets
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SPOOL: Final = "spool"
PRIVACY_KEY: Final = "privacy.key"
_SECRET_BYTES: Final = 32


class DataDirError(Exception):
    """The data folder cannot be used; an operator has to act."""

    def __init__(self, path: Path, reason: str) -> None:
        """Take the folder, and why not."""
        super().__init__(
            f"The data folder {path} cannot be used: {reason}. Make it a folder that user {os.geteuid()} can write, or "
            "name another one in MAYFLY_STORAGE_DATA_DIR."
        )
        self.path = path


@contextmanager
def usable(path: Path) -> Iterator[None]:
    """Within it, what the system refuses about the folder is a DataDirError."""
    try:
        yield
    except OSError as error:
        raise DataDirError(path, error.strerror or str(error)) from error


def read_or_make_secret(path: Path) -> bytes:
    """The secret in a file that only its owner can read; made if it is not there. Blocks.

    Raises:
        OSError: The file cannot be read or made.
    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _read(path)
    secret = secrets.token_bytes(_SECRET_BYTES)
    with os.fdopen(handle, "wb") as file:
        file.write(secret)
        file.flush()
        os.fsync(handle)
    return secret


def _read(path: Path) -> bytes:
    secret = path.read_bytes()
    if len(secret) < _SECRET_BYTES:
        raise OSError(f"{path.name} has {len(secret)} bytes instead of {_SECRET_BYTES}; remove it to have it made anew")
    return secret

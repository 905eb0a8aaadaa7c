"""SQLite's and the system's errors in the words of the domain. What is not listed is a mistake of ours, and stays."""

from __future__ import annotations

import errno
import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from mayfly_storage.domain.errors import BackendMisconfiguredError, BackendUnavailableError, StorageFullError

if TYPE_CHECKING:
    from collections.abc import Iterator

BACKEND: Final = "embedded"

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_REFUSED: Final = frozenset({errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.ENOTDIR, errno.ELOOP})
_SQLITE_UNAVAILABLE: Final = frozenset(
    {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM}
)
_SQLITE_REFUSED: Final = frozenset(
    {
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
    }
)


def of_sqlite(error: sqlite3.Error) -> Exception:
    """The domain's error for SQLite's, with SQLite's as its cause; the error itself if it is a mistake of ours."""
    code = kind_of(error)
    if code == sqlite3.SQLITE_FULL:
        return _caused(StorageFullError(), error)
    if code in _SQLITE_UNAVAILABLE:
        return _caused(BackendUnavailableError(BACKEND), error)
    if code in _SQLITE_REFUSED:
        return _caused(BackendMisconfiguredError(BACKEND, f"{error.sqlite_errorname}: {error}"), error)
    return error


def kind_of(error: sqlite3.Error) -> int:
    """SQLite's primary result code: the low byte, without the variety; 0 if SQLite itself did not raise it."""
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF


def of_system(error: OSError) -> Exception:
    """The domain's error for the file system's, with the latter as its cause."""
    if error.errno in _FULL:
        return _caused(StorageFullError(), error)
    if error.errno in _REFUSED:
        return _caused(BackendMisconfiguredError(BACKEND, error.strerror or str(error)), error)
    return _caused(BackendUnavailableError(BACKEND), error)


def _caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@contextmanager
def translated() -> Iterator[None]:
    """Turns errors of SQLite and of the file system into the domain's."""
    try:
        yield
    except sqlite3.Error as error:
        ours = of_sqlite(error)
        if ours is error:
            raise
        raise ours from error
    except OSError as error:
        raise of_system(error) from error

"""A slice of a file as the body of a request: read as it is sent, and from its beginning for each try."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from pathlib import Path

    from _typeshed import WriteableBuffer


def open_slice(path: Path, *, offset: int, size: int) -> BinaryIO:
    """The `size` bytes of a file from `offset` on, as a file of its own. Whoever opens it closes it."""
    return io.BufferedReader(_Slice(path, offset, size))


class _Slice(io.RawIOBase):
    def __init__(self, path: Path, offset: int, size: int) -> None:
        super().__init__()
        self._file = path.open("rb", buffering=0)
        self._offset, self._size, self._at = offset, size, 0
        self._file.seek(offset)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer)[: self._size - self._at]
        count = self._file.readinto(view)
        self._at += count
        return count

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = min(max(start + offset, 0), self._size)
        self._file.seek(self._offset + self._at)
        return self._at

    def tell(self) -> int:
        return self._at

    def close(self) -> None:
        self._file.close()
        super().close()

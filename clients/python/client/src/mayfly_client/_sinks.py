"""Where a download goes: into memory, or into a file that appears only when it is complete."""

from __future__ import annotations

import hashlib
import os
import secrets
from typing import TYPE_CHECKING, Protocol

from mayfly_client._error_types import ContentMismatchError
from mayfly_client._links import mismatch_facts

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType
    from typing import BinaryIO, Self

    from mayfly_client._bodies import Progress
    from mayfly_client._results_storage import Audio


class _Place(Protocol):
    """Takes the bytes."""

    def restart(self) -> None:
        """Forget what was written."""

    def write(self, data: bytes) -> None:
        """Take some more."""

    def finish(self) -> bytes | Path:
        """Make it last."""

    def discard(self) -> None:
        """Leave nothing behind. Harmless after `finish`."""


class _Memory:
    def __init__(self) -> None:
        self._data = bytearray()

    def restart(self) -> None:
        self._data.clear()

    def write(self, data: bytes) -> None:
        self._data += data

    def finish(self) -> bytes:
        return bytes(self._data)

    def discard(self) -> None:
        self._data.clear()


class _File:
    """Writes beside the target and renames at the end, so that nobody ever sees half a file."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self._part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
        self._file: BinaryIO = self._part.open("xb")

    def restart(self) -> None:
        self._file.seek(0)
        self._file.truncate()

    def write(self, data: bytes) -> None:
        self._file.write(data)

    def finish(self) -> Path:
        self._file.close()
        os.replace(self._part, self._target)  # noqa: PTH105 - says that it overwrites; Path.replace is the same call
        return self._target

    def discard(self) -> None:
        self._file.close()
        self._part.unlink(missing_ok=True)


class Sink:
    """Takes the bytes of one audio, and answers them only if they are the bytes that storage describes. Blocks."""

    def __init__(self, audio: Audio, target: Path | None, progress: Progress | None) -> None:
        self._audio = audio
        self._progress = progress
        self._place: _Place = _Memory() if target is None else _File(_resolved(target, audio))
        self._digest = hashlib.sha256()
        self._size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._place.discard()

    def restart(self) -> None:
        """Begin again, after a broken transfer."""
        self._place.restart()
        self._digest, self._size = hashlib.sha256(), 0

    def write(self, data: bytes) -> None:
        """Take some more. More than there should be is refused at once: it must not fill the disk."""
        self._size += len(data)
        if self._size > self._audio.size_bytes:
            self._mismatch("size_bytes", str(self._audio.size_bytes), f"at least {self._size}")
        self._digest.update(data)
        self._place.write(data)
        if self._progress is not None:
            self._progress(self._size, self._audio.size_bytes)

    def finish(self) -> bytes | Path:
        """Check the bytes and keep them.

        Raises:
            ContentMismatchError: They are not what storage describes; nothing is kept.
        """
        if self._digest.digest() != self._audio.sha256:
            self._mismatch("sha256", self._audio.sha256.hex(), self._digest.hexdigest())
        return self._place.finish()

    def _mismatch(self, field: str, expected: str, actual: str) -> None:
        raise ContentMismatchError(
            f"{self._audio.name} did not arrive as it was stored: {field} should be {expected} and is {actual}",
            mismatch_facts(field, expected, actual),
        )


def _resolved(target: Path, audio: Audio) -> Path:
    """A folder means: under the audio's own file name in it."""
    return target / audio.file_name if target.is_dir() else target

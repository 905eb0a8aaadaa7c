"""The files below a folder in the order of their keys, with one level of folders in memory at a time."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def walk(root: Path, *, prefix: str, after: str) -> Iterator[tuple[str, os.stat_result]]:
    """Keys that begin with the prefix and come after a key, in the order of their bytes, with what is known of each."""
    return _walk(os.fsencode(root), b"", prefix.encode(), after.encode())


def _walk(folder: bytes, key: bytes, prefix: bytes, after: bytes) -> Iterator[tuple[str, os.stat_result]]:
    for name in _names(folder, key, prefix, after):
        if name.endswith(b"/"):
            yield from _walk(os.path.join(folder, name[:-1]), key + name, prefix, after)  # noqa: PTH118 - bytes
        elif (found := _stat(os.path.join(folder, name))) is not None:  # noqa: PTH118 - bytes
            yield (key + name).decode(), found


def _names(folder: bytes, key: bytes, prefix: bytes, after: bytes) -> list[bytes]:
    """The wanted names of a folder, in order; folders end in a slash, which is how keys sort them."""
    try:
        with os.scandir(folder) as entries:
            names = [entry.name + b"/" if entry.is_dir(follow_symlinks=False) else entry.name for entry in entries]
    except (FileNotFoundError, NotADirectoryError):
        return []  # removed since its parent was read: it was empty
    return sorted(name for name in names if _is_wanted(key + name, prefix, after) and _is_text(name))


def _is_wanted(key: bytes, prefix: bytes, after: bytes) -> bool:
    if key.endswith(b"/"):  # something below it may be wanted
        return (key.startswith(prefix) or prefix.startswith(key)) and (key > after or after.startswith(key))
    return key.startswith(prefix) and key > after


def _is_text(name: bytes) -> bool:
    """Names that are not UTF-8 were not made by us."""
    try:
        name.decode()
    except UnicodeDecodeError:
        return False
    return True


def _stat(path: bytes) -> os.stat_result | None:
    try:
        return os.stat(path, follow_symlinks=False)  # noqa: PTH116 - bytes
    except (FileNotFoundError, NotADirectoryError):
        return None  # deleted since its folder was read

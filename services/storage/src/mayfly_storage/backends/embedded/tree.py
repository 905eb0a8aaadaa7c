"""The files below a folder in the order of their keys; of large folders only as much as is asked for is in memory."""

from __future__ import annotations

import heapq
import os
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def walk(root: Path, *, prefix: str, after: str, most: int) -> Iterator[tuple[str, os.stat_result]]:
    """Keys that begin with the prefix and come after a key, in the order of their bytes, with what is known of each.

    Of each folder at most `most` names are in memory at a time, however many it has; who takes no more of the keys has
    each folder read once.
    """
    wanted = _Wanted(prefix.encode(), after.encode(), most)
    return _walk(os.fsencode(root), b"", wanted)


class _Wanted(NamedTuple):
    prefix: bytes
    after: bytes
    most: int


def _walk(folder: bytes, key: bytes, wanted: _Wanted) -> Iterator[tuple[str, os.stat_result]]:
    beyond = b""
    while names := _names(folder, key, wanted, beyond):
        for name in names:
            if name.endswith(b"/"):
                yield from _walk(os.path.join(folder, name[:-1]), key + name, wanted)  # noqa: PTH118 - bytes
            elif (found := _stat(os.path.join(folder, name))) is not None:  # noqa: PTH118 - bytes
                yield (key + name).decode(), found
        if len(names) < wanted.most:
            return
        beyond = names[-1]


def _names(folder: bytes, key: bytes, wanted: _Wanted, beyond: bytes) -> list[bytes]:
    """The first wanted names of a folder beyond one; folders end in a slash, which is how keys sort them."""
    try:
        with os.scandir(folder) as entries:
            names = (entry.name + b"/" if entry.is_dir(follow_symlinks=False) else entry.name for entry in entries)
            mine = (name for name in names if name > beyond and _is_wanted(key + name, wanted.prefix, wanted.after))
            return heapq.nsmallest(wanted.most, filter(_is_text, mine))
    except (FileNotFoundError, NotADirectoryError):
        return []  # removed since its parent was read: it was empty


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

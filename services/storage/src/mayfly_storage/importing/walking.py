"""The files of a folder, one after the other, in the same order every time. Nothing outside it is ever reached."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

_UNFINISHED: Final = (".tmp", ".part", ".partial", ".crdownload")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A file, or why it is none to be taken."""

    path: str
    """Below the folder, with `/` between its components."""
    size_bytes: int = 0
    modified_ns: int = 0
    skipped: str = ""
    """Why it is left alone; empty: it is not."""
    unreadable: str = ""
    """Why it cannot be looked at, or (a folder) into; empty: it can."""


def walk(root: Path, *, own: Collection[Path] = ()) -> Iterator[Found]:
    """Every file below a folder, by its path. Holds the names of one folder at each depth.

    Args:
        root: The folder.
        own: What is storage's own, and none of the folder's files wherever it lies.

    Raises:
        OSError: The folder itself cannot be listed.
    """
    # A stack of ours, as a hostile tree is deeper than Python's; and texts, as paths are taken apart at each step.
    base, ours = str(root).rstrip("/") + "/", {str(path) for path in own}
    pending = [("", _names(base))]
    while pending:
        prefix, names = pending[-1]
        name = next(names, None)
        if name is None:
            pending.pop()
            continue
        path = prefix + name
        try:
            found = _look(base, path, name, ours)
            if found is None:
                pending.append((f"{path}/", _names(base + path)))
        except OSError as error:
            found = Found(path=path, unreadable=f"it cannot be looked at: {error.strerror}")
        if found is not None:
            yield found


def _names(folder: str) -> Iterator[str]:
    return iter(sorted(os.listdir(folder)))  # noqa: PTH208 - names take a fifth of the memory of paths


def _look(base: str, path: str, name: str, own: Collection[str]) -> Found | None:
    """The file, or why it is none; None for a folder to be walked. Raises OSError."""
    if base + path in own:
        return Found(path=path, skipped="it is storage's own")
    if name.startswith("."):
        return Found(path=path, skipped="it is hidden")
    there = os.lstat(base + path)
    if stat.S_ISDIR(there.st_mode):
        return None
    if name.lower().endswith(_UNFINISHED):
        return Found(path=path, skipped="its name says that it is unfinished")
    if not stat.S_ISREG(there.st_mode):
        return Found(path=path, skipped="it is a link, or no file")
    return Found(path=path, size_bytes=there.st_size, modified_ns=there.st_mtime_ns)

"""The files of a folder, one after the other, in the same order every time. Nothing outside it is ever reached."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
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


def walk(root: Path) -> Iterator[Found]:
    """Every file below a folder, by its path. Holds the names of one folder at each depth.

    Raises:
        OSError: The folder itself cannot be listed.
    """
    yield from _walk(root, "")


def _walk(folder: Path, prefix: str) -> Iterator[Found]:
    with os.scandir(folder) as entries:
        found = sorted(entries, key=lambda entry: entry.name)
    for entry in found:
        path = f"{prefix}{entry.name}"
        if entry.is_dir(follow_symlinks=False) and not entry.name.startswith("."):
            try:
                yield from _walk(folder / entry.name, f"{path}/")
            except OSError as error:
                yield Found(path=path, skipped=f"the folder cannot be listed: {error.strerror}")
        else:
            yield _found(entry, path)


def _found(entry: os.DirEntry[str], path: str) -> Found:
    if entry.name.startswith("."):
        return Found(path=path, skipped="it is hidden")
    if entry.name.lower().endswith(_UNFINISHED):
        return Found(path=path, skipped="its name says that it is unfinished")
    if not entry.is_file(follow_symlinks=False):
        return Found(path=path, skipped="it is a link, or no file")
    there = entry.stat(follow_symlinks=False)
    return Found(path=path, size_bytes=there.st_size, modified_ns=there.st_mtime_ns)

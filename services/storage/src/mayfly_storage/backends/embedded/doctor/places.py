"""The folder, the room in it, and who holds it. Only looks."""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
from typing import TYPE_CHECKING, Final

from mayfly_storage.domain.findings import Finding

if TYPE_CHECKING:
    from pathlib import Path

    from mayfly_storage.backends.embedded.doctor.patient import EmbeddedPatient
    from mayfly_storage.backends.embedded.folder import DataFolder

_MEBIBYTE: Final = 1024 * 1024
_LITTLE: Final = 4
"""Times the headroom: less is worth a word before it is too late."""


async def folder(patient: EmbeddedPatient) -> Finding:
    """Whether it is a folder that we may write into, and nobody else may read."""
    return await patient.offload(_look_at, patient.folder.root)


def _look_at(root: Path) -> Finding:
    if not root.exists():
        parent = next(each for each in root.parents if each.exists())
        if os.access(parent, os.W_OK | os.X_OK):
            return Finding.skipped(f"{root} is not there yet; the first start makes it")
        return Finding.failed(
            f"{root} is not there, and user {os.geteuid()} may not make it", f"Let the user write into {parent}."
        )
    if not root.is_dir():
        return Finding.failed(f"{root} is a file", "Name a folder in MAYFLY_STORAGE_DATA_DIR.")
    if not os.access(root, os.R_OK | os.W_OK | os.X_OK):
        return Finding.failed(f"user {os.geteuid()} may not write into {root}", "Change its owner, or its rights.")
    if stat.S_IMODE(root.stat().st_mode) & 0o077:
        return Finding.warning(f"others may look into {root}", f"Close it: chmod 700 {root}.")
    return Finding.ok(f"{root} can be written")


async def space(patient: EmbeddedPatient) -> Finding:
    """Whether there is room for audio, beyond what rows and sweeps need."""
    free = (await patient.offload(shutil.disk_usage, patient.folder.root)).free
    headroom = patient.options.headroom_bytes
    room = f"{free // _MEBIBYTE} MiB are free, of which {headroom // _MEBIBYTE} are kept for rows and sweeps"
    if free <= headroom:
        return Finding.failed(f"{room}: no audio is taken", "Make room on the disk, or sweep.")
    if free < _LITTLE * headroom:
        return Finding.warning(room, "Make room on the disk soon.")
    return Finding.ok(room)


async def lock(patient: EmbeddedPatient) -> Finding:
    """Who holds the folder. Both answers are good ones."""
    if patient.in_use:
        return Finding.ok("storage holds the folder and serves; it is only looked at")
    return Finding.ok("free: storage does not run here, so the doctor uses the folder for a moment")


def is_in_use(data: DataFolder) -> bool:
    """Whether a process holds the folder, found without taking it away from anybody."""
    try:
        handle = os.open(data.lock, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:  # never used, or not ours to look at, which `folder` says
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)  # which gives the lock back
    return False

"""Replicas agree on the fallback's folder before they serve: else one would keep what the others cannot read."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mayfly_storage.domain.audio import Location
from mayfly_storage.domain.findings import Finding
from mayfly_storage.domain.ports import AudioFilter

if TYPE_CHECKING:
    from mayfly_storage.domain.stores import Backend

_PAGE = 1_000
_CHECK = "fallback"
_REMEDY = "Set MAYFLY_STORAGE_FALLBACK_DIR, or run `mayfly-storage retire-fallback`."


class FolderDisagreementError(Exception):
    """This process would use another folder than the others; an operator has to act."""

    def __init__(self, own: str, registered: str) -> None:
        """Take the identities; an empty one says that there is no folder."""
        if own:
            reason = (
                f"the fallback's folder (MAYFLY_STORAGE_FALLBACK_DIR) has the identity {own}, and the table names "
                f"{registered}. Let all replicas share that folder"
            )
        else:
            reason = (
                f"the table names a fallback's folder ({registered}), in which audio may lie, and this process has "
                "none. Set MAYFLY_STORAGE_FALLBACK_DIR to it"
            )
        super().__init__(f"{reason}; or give it up with `mayfly-storage retire-fallback`.")


class FolderInUseError(Exception):
    """Audio lies in the folder that is to be given up."""

    def __init__(self, count: int) -> None:
        """Take how many readable audios lie there."""
        super().__init__(
            f"{count} audios lie in the fallback's folder. Wait until they have expired, delete them, or give them up "
            "with --lose."
        )
        self.count = count


async def agree_on_folder(backend: Backend) -> None:
    """Register the folder of this process, or make sure that it is the registered one.

    Raises:
        FolderDisagreementError: If it is not.
        BackendUnavailableError: The table does not answer.
    """
    if backend.folders is None:
        return
    registered = await (backend.folders.register(backend.folder) if backend.folder else backend.folders.registered())
    if registered != backend.folder:
        raise FolderDisagreementError(backend.folder, registered)


async def examine_folder(backend: Backend, *, configured: bool) -> Finding:
    """Whether the fallback's folder is the registered one; changes nothing."""
    registered = await backend.folders.registered() if backend.folders is not None else ""
    if not registered:
        detail = "it is registered at the next start" if configured else "new audio waits for S3, if that is away"
        return replace(Finding.ok(detail), check=_CHECK)
    if not configured:
        return replace(Finding.failed(str(FolderDisagreementError("", registered)), _REMEDY), check=_CHECK)
    return replace(Finding.ok(f"the folder {registered} takes new audio while S3 does not answer"), check=_CHECK)


async def retire_folder(backend: Backend, *, lose: bool) -> str:
    """Give the registered folder up, so that storage starts without it. Reads every row.

    Args:
        backend: Whose folder.
        lose: Also if audio lies there, which nobody can read from then on.

    Returns:
        The identity that was registered; empty: none was.

    Raises:
        FolderInUseError: If audio lies there.
    """
    registered = await backend.folders.registered() if backend.folders is not None else ""
    if not registered or backend.folders is None:
        return ""
    if not lose and (count := await _count_local(backend)):
        raise FolderInUseError(count)
    await backend.folders.forget(registered)
    return registered


async def _count_local(backend: Backend) -> int:
    count, cursor = 0, ""
    while True:
        page = await backend.catalog.list_audio(AudioFilter(), limit=_PAGE, cursor=cursor)
        count += sum(audio.location is Location.LOCAL for audio in page.items)
        if not (cursor := page.cursor):
            return count

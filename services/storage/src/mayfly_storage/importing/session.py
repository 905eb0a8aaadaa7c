"""From settings to a run: an open backend whose rules about callers and quotas do not bind its operator."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from uuid import NAMESPACE_URL, uuid5

from mayfly_runtime.offload import Offload
from mayfly_storage.agreement import agree_on_folder
from mayfly_storage.data_dir import DataDirError, usable
from mayfly_storage.domain.collections import Collections
from mayfly_storage.domain.quotas import GuestBudget, SubjectQuotas
from mayfly_storage.importing.importer import Importer
from mayfly_storage.importing.journal import open_journal
from mayfly_storage.opening import open_backend, open_privacy, open_world
from mayfly_storage.readiness import check_backend
from mayfly_storage.usecases.assembly import StorageUseCases

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from mayfly_storage.config import StorageSettings
    from mayfly_storage.importing.importer import Summary, Wanted
    from mayfly_storage.importing.journal import Entry
    from mayfly_storage.usecases.assembly import World

_STAGING: Final = "import"


def usual_report(settings: StorageSettings, folder: Path, collection: str) -> Path:
    """Where the report goes that nobody named: the same for the same folder and collection."""
    mark = uuid5(NAMESPACE_URL, f"{folder.resolve()}\0{collection}").hex[:12]
    return settings.data_dir / "imports" / f"{collection}-{mark}.jsonl"


async def run_import(
    settings: StorageSettings, wanted: Wanted, *, report: Path, tell: Callable[[Entry], None]
) -> Summary:
    """Import a folder.

    Args:
        settings: Storage's own.
        wanted: What to import.
        report: The journal's file.
        tell: Hears of each file once it is done.
    """
    pool = Offload(name="import", workers=wanted.workers, queue=2 * wanted.workers)
    try:
        async with open_backend(settings, now=_now) as backend:
            await check_backend(backend, within=settings.readiness_interval)
            await agree_on_folder(backend)
            with usable(settings.data_dir):
                privacy = open_privacy(settings)
            world = _unbound(open_world(settings, backend, privacy, now=_now))
            calls = StorageUseCases.over(world)
            with _staging(settings.data_dir) as staging, open_journal(report, dry_run=wanted.dry_run) as journal:
                importer = Importer(
                    store=calls.store_file,
                    draft=world.draft,
                    catalog=backend.catalog,
                    journal=journal,
                    staging=staging,
                    offload=pool,
                    now=_now,
                    tell=tell,
                )
                return await importer.run(wanted)
    finally:
        await pool.shutdown()


def _unbound(world: World) -> World:
    """Whoever runs the command may write to every collection, and uses up nobody's quota."""
    free = {name: replace(each, writers=(), quotas=SubjectQuotas()) for name, each in world.collections.by_id.items()}
    return replace(world, collections=Collections(free), budget=GuestBudget())


@contextmanager
def _staging(data_dir: Path) -> Iterator[Path]:
    """A folder for copies, for one import at a time; what a killed one left in it is removed."""
    folder = data_dir / _STAGING
    with usable(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(data_dir / f"{_STAGING}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DataDirError(folder, "another import uses it") from None
        with usable(folder):
            for left in folder.iterdir():
                left.unlink(missing_ok=True)
        yield folder
    finally:
        os.close(handle)


def _now() -> datetime:
    return datetime.now(UTC)

"""From settings to a run: an open backend whose rules about callers and quotas do not bind its operator."""

from __future__ import annotations

import asyncio
import signal
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from uuid import NAMESPACE_URL, uuid5

from mayfly_runtime.offload import Offload
from mayfly_storage.agreement import agree_on_folder
from mayfly_storage.data_dir import usable
from mayfly_storage.domain.collections import Collections
from mayfly_storage.domain.quotas import GuestBudget, SubjectQuotas
from mayfly_storage.importing.importer import Importer, ImportStoppedError
from mayfly_storage.importing.journal import open_journal
from mayfly_storage.importing.staging import staging_folder
from mayfly_storage.importing.taking import TakeFile
from mayfly_storage.opening import open_backend, open_privacy, open_world
from mayfly_storage.readiness import check_backend
from mayfly_storage.usecases.assembly import StorageUseCases

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from mayfly_storage.config import StorageSettings
    from mayfly_storage.importing.importer import Summary
    from mayfly_storage.importing.journal import Entry
    from mayfly_storage.importing.taking import Wanted
    from mayfly_storage.usecases.assembly import World

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


def usual_report(settings: StorageSettings, folder: Path, kind: str) -> Path:
    """Where the report goes that nobody named: the same for the same folder and collection (or layout)."""
    mark = uuid5(NAMESPACE_URL, f"{folder.resolve()}\0{kind}").hex[:12]
    return settings.data_dir / "imports" / f"{kind}-{mark}.jsonl"


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
    with _until_told_to_stop():
        async with open_backend(settings, now=_now) as backend:
            await check_backend(backend, within=settings.readiness_interval)
            await agree_on_folder(backend)
            with usable(settings.data_dir):
                world = _unbound(open_world(settings, backend, open_privacy(settings), now=_now))
            with staging_folder(settings.data_dir) as staging, open_journal(report, dry_run=wanted.dry_run) as journal:
                async with _pool(wanted.workers) as pool:
                    take = TakeFile(
                        store=StorageUseCases.over(world).store_file,
                        draft=world.draft,
                        catalog=backend.catalog,
                        journal=journal,
                        staging=staging,
                        offload=pool,
                        now=_now,
                    )
                    return await Importer(take=take, tell=tell).run(wanted)


@asynccontextmanager
async def _pool(workers: int) -> AsyncIterator[Offload]:
    """Threads that copy; none of them writes to the folder of copies any more when the block ends."""
    pool = Offload(name="import", workers=workers, queue=2 * workers)
    try:
        yield pool
    finally:
        await pool.shutdown()


@contextmanager
def _until_told_to_stop() -> Iterator[None]:
    """SIGINT and SIGTERM end the run in order: what is under way is given back, and its copies go."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None  # noqa: S101 - within asyncio.run there is one
    for each in _SIGNALS:
        loop.add_signal_handler(each, task.cancel)
    try:
        yield
    except asyncio.CancelledError:
        raise ImportStoppedError("It was told to stop; run it again to go on.") from None
    finally:
        for each in _SIGNALS:
            loop.remove_signal_handler(each)


def _unbound(world: World) -> World:
    """Whoever runs the command may write to every collection, and uses up nobody's quota."""
    free = {name: replace(each, writers=(), quotas=SubjectQuotas()) for name, each in world.collections.by_id.items()}
    return replace(world, collections=Collections(free), budget=GuestBudget())


def _now() -> datetime:
    return datetime.now(UTC)

"""`mayfly-storage mirror`: compare the second bucket with the rows, and bring it up to them."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from mayfly_runtime.offload import Offload
from mayfly_storage.data_dir import usable
from mayfly_storage.domain.audio import Location
from mayfly_storage.domain.errors import StorageError
from mayfly_storage.domain.retention import DueItem, DueReason, PurgeOutcome
from mayfly_storage.opening import open_backend, open_mirror, open_privacy, open_world
from mayfly_storage.transport.spool import Spool
from mayfly_storage.usecases.assembly import RetentionUseCases
from mayfly_storage.usecases.mirroring import Difference, Differs

if TYPE_CHECKING:
    from collections.abc import Callable

    from mayfly_storage.config import StorageSettings
    from mayfly_storage.usecases.mirroring import Mirror

_SPOOL: Final = "mirror"
DIFFERENCES = 1


class NoMirrorError(Exception):
    """No second bucket is configured."""

    def __init__(self) -> None:
        """Need nothing."""
        super().__init__("no mirror is configured: set MAYFLY_STORAGE_MIRROR_BUCKET, with MAYFLY_STORAGE_BACKEND=aws")


@dataclass(slots=True)
class Tally:
    """How it went."""

    compared: int = 0
    found: Counter[Differs] = field(default_factory=Counter)
    mended: int = 0
    failed: int = 0

    @property
    def left(self) -> int:
        """Differences that are still there."""
        return self.found.total() - self.mended


def mirror(settings: StorageSettings, *, dry_run: bool, thorough: bool, as_json: bool) -> int:
    """Compare, mend unless it is a dry run, and say how it went; the exit code.

    Raises:
        NoMirrorError: There is no second bucket.
        StorageError: The table, or the mirror as a whole, cannot be read.
    """
    if not settings.mirror_bucket or settings.backend != "aws":
        raise NoMirrorError
    tally = asyncio.run(_run(settings, dry_run=dry_run, thorough=thorough, quiet=as_json))
    typer.echo(json.dumps(_facts(tally)) if as_json else _sentence(tally))
    return DIFFERENCES if tally.left else 0


async def _run(settings: StorageSettings, *, dry_run: bool, thorough: bool, quiet: bool) -> Tally:
    async with AsyncExitStack() as stack:
        pool = Offload(name="mirror-spool", workers=2, queue=10)
        stack.push_async_callback(pool.shutdown)
        backend = await stack.enter_async_context(open_backend(settings, now=_now))
        with usable(settings.data_dir):
            spool = await Spool.open(settings.data_dir / _SPOOL, pool)
            world = open_world(settings, backend, open_privacy(settings), now=_now)
        made = open_mirror(settings, world, spool.open_file)
        mender = _Mender(made, RetentionUseCases.over(world))
        tally = Tally()
        tick = stack.enter_context(_ticking(quiet=quiet))
        async for difference in made.differences(thorough=thorough):
            tally.compared += 1
            tick()
            if difference is None:
                continue
            tally.found[difference.kind] += 1
            outcome = "" if dry_run else await mender.mend(difference)
            tally.mended += bool(outcome) and not outcome.startswith("failed")
            tally.failed += outcome.startswith("failed")
            if not quiet:
                typer.echo(_line(difference, outcome), err=True)
        return tally


@dataclass(frozen=True, slots=True)
class _Mender:
    mirror: Mirror
    retention: RetentionUseCases

    async def mend(self, difference: Difference) -> str:
        """What was done about it."""
        try:
            if difference.audio is not None:
                return await self.mirror.copy(difference.audio)
            return await self._remove(difference)
        except StorageError as error:
            return f"failed: {error}"

    async def _remove(self, extra: Difference) -> str:
        """As the sweep removes orphans: decided anew, on the rows."""
        item = DueItem(
            name=None,
            location=Location.MIRROR,
            object_key=extra.object_key,
            reason=DueReason.ORPHAN_OBJECT,
            etag=extra.etag,
        )
        [result] = await self.retention.purge_audio([item])
        return "removed" if result.outcome is PurgeOutcome.DELETED else f"left: {result.message}"


class _Ticking:
    """Counts aloud on a terminal."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress
        self._task = progress.add_task("compared", total=None) if progress is not None else None

    def __enter__(self) -> Callable[[], None]:
        if self._progress is not None:
            self._progress.start()
        return self._tick

    def _tick(self) -> None:
        if self._progress is not None and self._task is not None:
            self._progress.advance(self._task)

    def __exit__(self, *_: object) -> None:
        if self._progress is not None:
            self._progress.stop()


def _ticking(*, quiet: bool) -> _Ticking:
    if quiet or not sys.stderr.isatty():
        return _Ticking(None)
    columns = (SpinnerColumn(), TextColumn("{task.completed} compared"), TimeElapsedColumn())
    return _Ticking(Progress(*columns, console=Console(stderr=True), transient=True))


def _line(difference: Difference, outcome: str) -> str:
    detail = f": {difference.detail}" if difference.detail else ""
    done = f" -> {outcome}" if outcome else ""
    return f"{difference.kind:<8}  {difference.object_key}{detail}{done}"


def _facts(tally: Tally) -> dict[str, int]:
    found = {each.value: tally.found[each] for each in Differs}
    return {"compared": tally.compared, **found, "mended": tally.mended, "failed": tally.failed, "left": tally.left}


def _sentence(tally: Tally) -> str:
    if not tally.found:
        return f"{tally.compared} compared; the mirror is as it should be"
    found = ", ".join(f"{tally.found[each]} {each}" for each in Differs if tally.found[each])
    return f"{tally.compared} compared: {found}; {tally.mended} mended, {tally.left} left"


def _now() -> datetime:
    return datetime.now(UTC)

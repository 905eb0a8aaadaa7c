"""Rows and objects that do not belong together are told before a sweep takes the objects for orphans."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from mayfly_storage.domain.findings import Verdict
from mayfly_storage.usecases.belonging import examine_belonging

if TYPE_CHECKING:
    from mayfly_storage.testing.stage import Stage

HOUR = timedelta(hours=1)


async def test_nothing_at_all_belongs_together(stage: Stage) -> None:
    found = await examine_belonging(stage.retention.list_orphans)

    assert (found.verdict, found.detail) == (Verdict.OK, "0 objects were looked at, 0 have no row")


async def test_some_orphans_are_the_sweeps_affair(stage: Stage) -> None:
    await stage.saved()
    lost = await stage.saved()
    stage.clock.advance(HOUR)
    del stage.memory.catalog.rows[lost.name]

    found = await examine_belonging(stage.retention.list_orphans)

    assert (found.verdict, found.detail) == (Verdict.OK, "2 objects were looked at, 1 have no row")


async def test_another_table_is_told_before_a_sweep_deletes_everything(stage: Stage) -> None:
    for _ in range(3):
        await stage.saved()
    stage.clock.advance(HOUR)
    stage.memory.catalog.rows.clear()

    found = await examine_belonging(stage.retention.list_orphans)

    assert found.verdict is Verdict.WARNING
    assert "none of the 3 objects that were looked at has a row" in found.detail
    assert "`mayfly-sweeper run --dry-run`" in found.remedy

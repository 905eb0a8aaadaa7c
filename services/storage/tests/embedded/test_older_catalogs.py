"""Catalogs that older releases made: opened with all that is in them, and from then on like a new one."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from importlib import resources
from typing import TYPE_CHECKING

import pytest

from mayfly_storage.backends import embedded
from mayfly_storage.backends.embedded import database
from mayfly_storage.domain.audio import State
from mayfly_storage.domain.ports import AudioFilter
from mayfly_storage.domain.quotas import Reservation

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from mayfly_storage.domain.audio import Audio
    from mayfly_storage.testing import Subject

    Opening = Callable[..., AbstractAsyncContextManager[Subject]]
    Save = Callable[..., Awaitable[Audio]]

SCRIPTS = ("schema.sql", "quotas.sql", "certificates.sql", "leases.sql", "parts.sql", "ready.sql")
"""What made each version of the one before it; a released one is never changed."""
OLDER = range(1, database.SCHEMA_VERSION)


def test_each_version_has_its_script() -> None:
    assert len(SCRIPTS) == database.SCHEMA_VERSION


def take_back(catalog: Path, version: int) -> None:
    """Make the catalog as the older version would have it, with the same rows in it."""
    older = catalog.with_name("older.sqlite3")
    with closing(sqlite3.connect(older)) as connection:
        for script in SCRIPTS[:version]:
            connection.executescript(resources.files(embedded).joinpath(script).read_text())
        connection.execute("ATTACH ? AS newer", (str(catalog),))
        for (table,) in connection.execute("SELECT name FROM main.sqlite_master WHERE type = 'table'").fetchall():
            columns = ", ".join(row[1] for row in connection.execute(f"PRAGMA main.table_info({table})"))
            connection.execute(f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM newer.{table}")  # noqa: S608 - its own names
        connection.commit()
    older.replace(catalog)


def schema_of(catalog: Path) -> set[tuple[str, str]]:
    with closing(sqlite3.connect(catalog)) as connection:
        return set(connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"))


@pytest.mark.parametrize("version", OLDER)
async def test_a_catalog_of_an_older_version_is_carried_on_with_all_that_is_in_it(
    opening: Opening, data_dir: Path, save: Save, version: int
) -> None:
    catalog = data_dir / "catalog.sqlite3"
    facts = {"collection": "pitches", "key_fields": {"session_id": "s1"}, "claims_key": True}
    async with opening() as first:
        kept, deleted = await save(first, **facts), await save(first, **facts)
        [tombstone] = await first.catalog.begin_delete([deleted], first.clock.now())
    as_new = schema_of(catalog)
    take_back(catalog, version)
    assert schema_of(catalog) != as_new

    async with opening() as second:
        assert await second.catalog.get_many([kept.name, deleted.name]) == {kept.name: kept, deleted.name: tombstone}
        assert await second.catalog.find_by_keys([kept.object_key]) == {kept.object_key: kept.name}
        for wanted in (AudioFilter(collection="pitches", ready=True), AudioFilter(session_id="s1", ready=True)):
            assert (await second.catalog.list_audio(wanted, limit=10)).items == (kept,)
        later = await save(second, **facts)
        assert later.state is State.READY
        wanted_quota = Reservation(caller="c", request_id="r", fingerprint="f", expire_time=kept.create_time)
        assert await second.catalog.reserve_quota(wanted_quota, []) == wanted_quota
        assert list(await second.backend.certificates.newest(before=None, limit=1)) == []
    assert schema_of(catalog) == as_new

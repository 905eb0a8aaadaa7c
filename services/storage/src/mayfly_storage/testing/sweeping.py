"""A whole sweep over the use cases, as the sweeper asks for it; and what is left that nobody accounts for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mayfly_storage.domain.audio import State
from mayfly_storage.domain.ports import AudioFilter, Shard
from mayfly_storage.domain.retention import DueReason

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mayfly_storage.domain.audio import Audio, Location
    from mayfly_storage.domain.collections import Collections
    from mayfly_storage.domain.ports import AudioCatalog
    from mayfly_storage.domain.retention import DueItem
    from mayfly_storage.domain.stores import Backend
    from mayfly_storage.usecases.assembly import RetentionUseCases

_PAGE = 100


async def sweep(retention: RetentionUseCases) -> None:
    """Rows, then objects: list, and purge what was listed, page by page."""
    cursor = ""
    while True:
        page = await retention.list_expired(collection="", before=None, shard=Shard(), limit=_PAGE, cursor=cursor)
        await retention.purge_audio(page.items)
        if not (cursor := page.cursor):
            break
    for item in await orphans(retention):
        await retention.purge_audio([item])


async def orphans(retention: RetentionUseCases) -> list[DueItem]:
    """All objects and uploads in parts without a row."""
    found: list[DueItem] = []
    cursor = ""
    while True:
        page = await retention.list_orphans(collection="", shard=Shard(), limit=_PAGE, cursor=cursor)
        found += [item for item in page.items if item.reason is not DueReason.DANGLING_ROW]
        if not (cursor := page.cursor):
            return found


async def all_rows(catalog: AudioCatalog) -> list[Audio]:
    """Every row, whatever its state."""
    rows: list[Audio] = []
    cursor = ""
    while True:
        page = await catalog.list_audio(AudioFilter(), limit=_PAGE, cursor=cursor)
        rows += page.items
        if not (cursor := page.cursor):
            return rows


async def all_objects(backend: Backend, collections: Collections) -> set[tuple[Location, str]]:
    """Every place at which bytes lie in the folders of the collections."""
    found: set[tuple[Location, str]] = set()
    for location, store in backend.stores.by_location.items():
        for prefix in collections.prefixes:
            cursor = ""
            while True:
                page = await store.blobs.list_blobs(prefix, limit=_PAGE, cursor=cursor)
                found |= {(location, blob.key) for blob in page.blobs}
                if not (cursor := page.cursor):
                    break
    return found


async def open_uploads(backend: Backend, collections: Collections) -> set[tuple[str, str]]:
    """Every upload in parts that was begun and did not end, by key and id."""
    found: set[tuple[str, str]] = set()
    for parts in (store.parts for store in backend.stores.by_location.values() if store.parts is not None):
        for prefix in collections.prefixes:
            cursor = ""
            while True:
                page = await parts.list_uploads(prefix, limit=_PAGE, cursor=cursor)
                found |= {(each.key, each.upload_id) for each in page.uploads}
                if not (cursor := page.cursor):
                    break
    return found


async def leaks(backend: Backend, collections: Collections, *, claimable: Iterable[str] = ()) -> list[str]:
    """What two sweeps should have taken: rows that are not READY, objects and claims without one, uploads in parts."""
    rows = await all_rows(backend.catalog)
    owned = {(row.location, row.object_key) for row in rows if row.state is State.READY}
    holders = await backend.catalog.find_by_keys(sorted(claimable))
    owners = {row.name for row in rows if row.state is State.READY}
    return [
        *(f"row {row.name} is {row.state}" for row in rows if row.state is not State.READY),
        *(f"object {key}" for place in await all_objects(backend, collections) - owned for key in place[1:]),
        *(f"upload {upload_id} of {key}" for key, upload_id in await open_uploads(backend, collections)),
        *(f"claim of {key}" for key, name in holders.items() if name not in owners),
    ]

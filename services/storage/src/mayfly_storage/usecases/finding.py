"""What has to go: due rows by index, and orphans by listing. Finding may lag or repeat itself; PurgeAudio decides."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mayfly_storage.domain.audio import Audio, Location, State
from mayfly_storage.domain.errors import PageTokenInvalidError
from mayfly_storage.domain.ports import AudioCatalog, AudioFilter, Shard, StoredBlob
from mayfly_storage.domain.retention import DueItem, DueReason
from mayfly_storage.usecases.ownership import find_owners

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from mayfly_storage.domain.collections import Collections
    from mayfly_storage.domain.stores import Stores
    from mayfly_storage.domain.timing import Timing
    from mayfly_storage.usecases.info import ReadStoreTime
    from mayfly_storage.usecases.sweeping_uploads import SweepUploads


@dataclass(frozen=True, slots=True, kw_only=True)
class DuePage:
    """One page of what has to go, and the store's own clock when it was read."""

    items: tuple[DueItem, ...]
    cursor: str
    store_time: datetime
    objects_seen: int = 0
    oldest_object_time: datetime | None = None
    """Of what was looked at and is no orphan, in collections whose audio has an end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListExpired:
    """Due rows: expired, abandoned, unfinished."""

    catalog: AudioCatalog
    read_store_time: ReadStoreTime
    collections: Collections
    timing: Timing
    now: Callable[[], datetime]

    async def __call__(
        self, *, collection: str, before: datetime | None, shard: Shard, limit: int, cursor: str
    ) -> DuePage:
        """One page; `before` can only make it earlier than now."""
        if collection:
            self.collections.get(collection)
        now = self.now()
        # A sweep decides by its first page whether the clocks agree.
        store_time = await (self.read_store_time() if cursor else self.read_store_time.ask())
        page = await self.catalog.list_due(min(before or now, now), shard=shard, limit=limit, cursor=cursor)
        items = [DueItem.of_row(audio, self.timing) for audio in page.items if collection in {"", audio.collection}]
        return DuePage(items=tuple(items), cursor=page.cursor, store_time=store_time)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the orphan listing stands: a store, then a folder of it, then the store's own cursor; rows come last."""

    location: str
    prefix: str
    cursor: str

    def encode(self) -> str:
        return json.dumps([self.location, self.prefix, self.cursor])

    @classmethod
    def decode(cls, text: str) -> _Place:
        try:
            place = cls(*json.loads(text))
        except (ValueError, TypeError, RecursionError):
            raise PageTokenInvalidError from None
        if not all(isinstance(part, str) for part in (place.location, place.prefix, place.cursor)):
            raise PageTokenInvalidError
        return place


_ROWS = "rows"
_UPLOADS = "uploads:"
"""Before a location: its uploads in parts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListOrphans:
    """Objects without a live row, and readable rows without an object; only what is older than the grace period."""

    catalog: AudioCatalog
    stores: Stores
    collections: Collections
    timing: Timing
    now: Callable[[], datetime]
    uploads: SweepUploads

    async def __call__(self, *, collection: str, shard: Shard, limit: int, cursor: str) -> DuePage:
        """One page: `limit` objects (later: uploads in parts, and rows) are looked at."""
        places = self._places(collection)
        place = _Place.decode(cursor) if cursor else places[0]
        if _Place(place.location, place.prefix, "") not in places:
            raise PageTokenInvalidError
        if place.location == _ROWS:
            return await self._rows(collection, place, shard, limit)
        if place.location.startswith(_UPLOADS):
            return await self._open_uploads(place, places, shard, limit)
        return await self._objects(place, places, shard, limit)

    def _places(self, collection: str) -> list[_Place]:
        wanted = [self.collections.get(collection)] if collection else list(self.collections.by_id.values())
        prefixes = sorted({template.prefix for each in wanted for template in each.key_templates})
        roots = [p for p in prefixes if not any(p != other and p.startswith(other) for other in prefixes)]
        return [
            *(_Place(location, p, "") for location in self.stores.by_location for p in roots),
            *(_Place(f"{_UPLOADS}{location}", p, "") for location in self._with_parts() for p in roots),
            _Place(_ROWS, "", ""),
        ]

    def _with_parts(self) -> list[Location]:
        return [location for location, store in self.stores.by_location.items() if store.parts is not None]

    async def _open_uploads(self, place: _Place, places: list[_Place], shard: Shard, limit: int) -> DuePage:
        """Uploads in parts that nobody ended; listed first, and their rows read after, as with objects."""
        location = Location(place.location.removeprefix(_UPLOADS))
        items, cursor, store_time = await self.uploads.page(
            location, place.prefix, shard=shard, limit=limit, cursor=place.cursor
        )
        following = _Place(place.location, place.prefix, cursor) if cursor else _after(place, places)
        return DuePage(items=tuple(items), cursor=following.encode(), store_time=store_time)

    async def _objects(self, place: _Place, places: list[_Place], shard: Shard, limit: int) -> DuePage:
        location = Location(place.location)
        page = await self.stores.by_location[location].blobs.list_blobs(place.prefix, limit=limit, cursor=place.cursor)
        old = [blob for blob in page.blobs if blob.modified_time <= page.store_time - self.timing.orphan_grace]
        mine = [blob for blob in old if shard.holds(blob.key)]
        items = await self._orphans(location, mine)
        following = _Place(place.location, place.prefix, page.cursor) if page.cursor else _after(place, places)
        return DuePage(
            items=tuple(items),
            cursor=following.encode(),
            store_time=page.store_time,
            objects_seen=len(page.blobs),
            oldest_object_time=self._oldest(page.blobs, {item.object_key for item in items}),
        )

    def _oldest(self, blobs: Iterable[StoredBlob], orphans: set[str]) -> datetime | None:
        """What a certificate says is left: of collections that keep audio for ever, nothing is to be said."""
        found = [(blob.modified_time, self.collections.of_key(blob.key)) for blob in blobs if blob.key not in orphans]
        return min((time for time, kind in found if kind is not None and kind.lifetime is not None), default=None)

    async def _orphans(self, location: Location, blobs: list[StoredBlob]) -> list[DueItem]:
        owners = await find_owners(self.catalog, self.collections, [blob.key for blob in blobs])
        lost = [blob for blob in blobs if blob.key in owners and is_orphan(owners[blob.key], location)]
        return [self._item(location, blob) for blob in lost]

    def _item(self, location: Location, blob: StoredBlob) -> DueItem:
        collection = self.collections.of_key(blob.key)
        return DueItem(
            name=None,
            location=location,
            object_key=blob.key,
            reason=DueReason.ORPHAN_OBJECT,
            collection=collection.id if collection else "",
            etag=blob.etag,
            size_bytes=blob.size_bytes,
            due_time=blob.modified_time + self.timing.orphan_grace,
        )

    async def _rows(self, collection: str, place: _Place, shard: Shard, limit: int) -> DuePage:
        """Readable rows whose object is missing."""
        store_time = await self.stores.first.blobs.store_time()
        wanted = AudioFilter(collection=collection, ready=True)
        page = await self.catalog.list_audio(wanted, limit=limit, cursor=place.cursor)
        now = self.now()
        mine = [audio for audio in page.items if audio.is_readable(now) and shard.holds(audio.name.audio_id)]
        missing = await self._missing(mine)
        again = await self.catalog.get_many([audio.name for audio in missing])
        dangling = [audio for audio in again.values() if audio.is_readable(now)]
        items = tuple(DueItem.of_row(audio, self.timing, reason=DueReason.DANGLING_ROW) for audio in dangling)
        cursor = _Place(_ROWS, "", page.cursor).encode() if page.cursor else ""
        return DuePage(items=items, cursor=cursor, store_time=store_time)

    async def _missing(self, audios: list[Audio]) -> list[Audio]:
        missing: list[Audio] = []
        for location, store in self.stores.by_location.items():
            here = [audio for audio in audios if audio.location is location]
            there = await store.blobs.present([audio.object_key for audio in here]) if here else set()
            missing += [audio for audio in here if audio.object_key not in there]
        return missing


def _after(place: _Place, places: list[_Place]) -> _Place:
    return places[places.index(_Place(place.location, place.prefix, "")) + 1]


def is_orphan(row: Audio | None, location: Location) -> bool:
    """Whether an object in this store is nobody's. A DELETING row still owns its object: it is due itself."""
    if row is None:
        return True
    # A mirror's copy stands beside the one that the row names, and ends with the row.
    elsewhere = row.location is not location and location is not Location.MIRROR
    return elsewhere and row.state is not State.PENDING

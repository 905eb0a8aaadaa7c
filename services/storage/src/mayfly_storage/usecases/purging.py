"""PurgeAudio and VerifyGone: the sweeper names items, storage decides about each on the row itself."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mayfly_storage.domain.audio import Audio, AudioName, Location, State
from mayfly_storage.domain.errors import InvalidAudioError, ObjectKeyTakenError
from mayfly_storage.domain.failpoints import Failpoint, Reach, pass_by
from mayfly_storage.domain.ports import AudioCatalog, BlobTarget, DeleteOutcome
from mayfly_storage.domain.retention import DueItem, DueReason, PurgeOutcome, PurgeResult, Verdict
from mayfly_storage.usecases.erasing import EraseOutcome, Erasure
from mayfly_storage.usecases.finding import is_orphan
from mayfly_storage.usecases.ownership import find_owners, free_stranded, is_unique, parse_key

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from mayfly_storage.domain.collections import Collections
    from mayfly_storage.domain.stores import Stores
    from mayfly_storage.domain.timing import Timing
    from mayfly_storage.usecases.erasing import EraseAudio
    from mayfly_storage.usecases.sweeping_uploads import SweepUploads

_LIVE = PurgeResult(outcome=PurgeOutcome.SKIPPED, message="It is live, or not due yet.")
_CHANGED = PurgeResult(outcome=PurgeOutcome.SKIPPED, message="It changed while it was being decided about.")
_REPORTED = PurgeResult(
    outcome=PurgeOutcome.SKIPPED, message="It is reported only: a readable row without an object needs a person."
)
_GONE = PurgeResult(outcome=PurgeOutcome.ALREADY_GONE)
_FAILED = PurgeResult(outcome=PurgeOutcome.FAILED, message="The store could not delete it now; the next sweep goes on.")


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgeRows:
    """Deletes due rows."""

    catalog: AudioCatalog
    erase: EraseAudio
    timing: Timing
    now: Callable[[], datetime]

    async def __call__(self, names: Sequence[AudioName], *, validate_only: bool) -> dict[AudioName, PurgeResult]:
        """A result for each name. What is live (any more) is skipped."""
        rows, now = await self.catalog.get_many(list(dict.fromkeys(names))), self.now()
        due = [row for row in rows.values() if self.timing.is_due(row, now)]
        results = {name: _LIVE if name in rows else _GONE for name in names}
        if validate_only:
            return results | {
                row.name: PurgeResult(outcome=PurgeOutcome.DELETED, size_bytes=row.size_bytes) for row in due
            }
        erasures = await self.erase(due) if due else []
        pairs = zip(due, erasures, strict=True)
        return results | {row.name: _result(row, erasure, self.timing) for row, erasure in pairs}


def _result(row: Audio, erasure: Erasure, timing: Timing) -> PurgeResult:
    if erasure.outcome is EraseOutcome.CHANGED:
        return _CHANGED
    if erasure.outcome is EraseOutcome.UNFINISHED:
        return _FAILED
    if row.bytes_gone and not timing.was_asked_for(row):  # an earlier sweep deleted it, and left its tombstone
        return PurgeResult(outcome=PurgeOutcome.ALREADY_GONE, tombstone_kept=erasure.tombstone_kept)
    return PurgeResult(outcome=PurgeOutcome.DELETED, size_bytes=row.size_bytes, tombstone_kept=erasure.tombstone_kept)


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgeOrphans:
    """Deletes objects that no row owns: each is decided anew, after it was listed."""

    catalog: AudioCatalog
    stores: Stores
    collections: Collections
    erase: EraseAudio
    timing: Timing
    now: Callable[[], datetime]
    new_id: Callable[[], UUID]
    new_attempt: Callable[[], str]
    reach: Reach = pass_by

    async def __call__(
        self, items: Sequence[DueItem], *, validate_only: bool
    ) -> dict[tuple[Location, str], PurgeResult]:
        """A result for each place (store and key)."""
        owners = await find_owners(self.catalog, self.collections, [item.object_key for item in items])
        lost = [i for i in items if i.object_key in owners and is_orphan(owners[i.object_key], i.location)]
        results = {(item.location, item.object_key): _LIVE for item in items}
        if validate_only:
            return results | {
                _place(i): PurgeResult(outcome=PurgeOutcome.DELETED, size_bytes=i.size_bytes) for i in lost
            }
        own = [item for item in lost if self._is_unique(item)]
        results |= await self._delete(own)
        for item in lost:
            if not self._is_unique(item):
                results[_place(item)] = await self._claim_and_erase(item)
        return results

    def _is_unique(self, item: DueItem) -> bool:
        return is_unique(parse_key(self.collections, item.object_key) or {})

    async def _delete(self, items: Sequence[DueItem]) -> dict[tuple[Location, str], PurgeResult]:
        """Keys with an audio id: the row is absent for ever, so the object may go, if it is the one that was listed."""
        results: dict[tuple[Location, str], PurgeResult] = {}
        by_location: defaultdict[Location, list[DueItem]] = defaultdict(list)
        for item in items:
            by_location[item.location].append(item)
        for location, group in by_location.items():
            targets = [BlobTarget(key=item.object_key, etag=item.etag or None) for item in group]
            self.reach(Failpoint.BEFORE_ORPHAN)
            outcomes = await self.stores.by_location[location].blobs.delete_many(targets)
            self.reach(Failpoint.AFTER_ORPHAN)
            results |= {
                _place(item): _orphan_result(item, outcome) for item, outcome in zip(group, outcomes, strict=True)
            }
        return results

    async def _claim_and_erase(self, item: DueItem) -> PurgeResult:
        """Keys that callers choose can come back: a tombstone takes the claim first, then erases the object."""
        tombstone = self._tombstone(item)
        try:
            await free_stranded(self.catalog, tombstone)
            await self.catalog.reserve(tombstone, None)
        except ObjectKeyTakenError:
            return _CHANGED
        self.reach(Failpoint.AFTER_ORPHAN_CLAIM)
        return _result(tombstone, (await self.erase([tombstone]))[0], self.timing)

    def _tombstone(self, item: DueItem) -> Audio:
        now = self.now()
        return Audio(
            name=AudioName.new(now, self.new_id()),
            collection=item.collection,
            state=State.DELETING,
            location=item.location,
            object_key=item.object_key,
            content_type="",
            size_bytes=item.size_bytes,
            sha256=b"",
            attempt=self.new_attempt(),
            create_time=now,
            upload_deadline=now
            - self.timing.late_put_bound,  # it never had a grant, so no late PUT of its own can come
            expire_time=now,
            delete_time=now,
            etag=item.etag,
            claims_key=True,
        )


def _places_of(item: DueItem) -> tuple[Location, ...]:
    """Where an item's bytes can lie: a row's also in the mirror."""
    return (item.location, Location.MIRROR) if item.name is not None else (item.location,)


def _may_lie(item: DueItem, location: Location) -> bool:
    # A key that was given back may be another's by now; D3 has looked at it before.
    return location in _places_of(item) and not item.multipart_upload_id and bool(item.object_key)


def _with_key(item: DueItem, rows: Mapping[AudioName, Audio]) -> DueItem:
    """Who names an audio alone asks for its bytes, too; a tombstone that gave its key back has none."""
    if item.object_key or item.name is None or item.name not in rows:
        return item
    return replace(item, object_key=rows[item.name].object_key)


def _place(item: DueItem) -> tuple[Location, str]:
    return item.location, item.object_key


def _orphan_result(item: DueItem, outcome: DeleteOutcome) -> PurgeResult:
    if outcome is DeleteOutcome.CHANGED:
        return _CHANGED
    if outcome is DeleteOutcome.FAILED:
        return _FAILED
    return PurgeResult(outcome=PurgeOutcome.DELETED, size_bytes=item.size_bytes)


def require_own_stores(items: Sequence[DueItem], stores: Stores) -> None:
    """Raise InvalidAudioError for an item of a store that this service does not have."""
    for index, item in enumerate(items):
        if item.location not in stores.by_location:
            known = ", ".join(stores.by_location)
            raise InvalidAudioError(
                f"items[{index}].location", f"this service has no store {item.location}, only {known}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgeAudio:
    """Deletes due rows and orphans, a result for each item in order."""

    rows: PurgeRows
    orphans: PurgeOrphans
    uploads: SweepUploads

    async def __call__(self, items: Sequence[DueItem], *, validate_only: bool = False) -> list[PurgeResult]:
        """Each item on its own: one that fails leaves the others alone. Raises InvalidAudioError for foreign stores."""
        require_own_stores(items, self.orphans.stores)
        names = [item.name for item in items if item.name is not None and item.reason is not DueReason.DANGLING_ROW]
        lost = [item for item in items if item.name is None and item.reason is DueReason.ORPHAN_OBJECT]
        by_name = await self.rows(names, validate_only=validate_only) if names else {}
        by_place = await self.orphans(lost, validate_only=validate_only) if lost else {}
        begun = [item for item in items if item.name is None and item.reason is DueReason.ORPHAN_MULTIPART]
        by_upload = await self.uploads.purge(begun, validate_only=validate_only) if begun else {}

        def result(item: DueItem) -> PurgeResult | None:
            if item.name is not None:
                return by_name.get(item.name)
            if item.reason is DueReason.ORPHAN_MULTIPART:
                return by_upload.get((item.object_key, item.multipart_upload_id))
            return by_place.get(_place(item))

        return [result(item) or _REPORTED for item in items]


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyGone:
    """Asks the stores themselves whether items are gone."""

    catalog: AudioCatalog
    stores: Stores
    uploads: SweepUploads

    async def __call__(self, items: Sequence[DueItem]) -> list[Verdict]:
        """A verdict for each item, in order. Raises InvalidAudioError for foreign stores: none can be given."""
        require_own_stores(items, self.stores)
        rows = await self.catalog.get_many([item.name for item in items if item.name is not None])
        items = [_with_key(item, rows) for item in items]
        begun = await self.uploads.open_among([each for each in items if each.multipart_upload_id])
        present: set[tuple[Location, str]] = set()
        for location, store in self.stores.by_location.items():
            keys = [item.object_key for item in items if _may_lie(item, location)]
            present |= {(location, key) for key in (await store.blobs.present(keys) if keys else ())}
        taken = {key for _, key in present}
        passed_on = await self._passed_on([item for item in items if item.object_key in taken])
        return [
            Verdict(
                object_gone=(item.object_key, item.multipart_upload_id) not in begun
                if item.multipart_upload_id
                else item.name in passed_on
                or not present.intersection((place, item.object_key) for place in _places_of(item)),
                row_gone=item.name not in rows or rows[item.name].state is State.DELETING,
            )
            for item in items
        ]

    async def _passed_on(self, there: Sequence[DueItem]) -> set[AudioName]:
        """Rows whose key, which its caller chose, is another's by now: it was given back after D3 had seen it empty."""
        names = {item.name: item.object_key for item in there if item.name is not None}
        holders = await self.catalog.find_by_keys(list(names.values())) if names else {}
        return {name for name, key in names.items() if holders.get(key, name) != name}

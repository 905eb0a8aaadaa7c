"""The catalog in memory. Each method takes its turn at the loop once, and is atomic after that, so races are real."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from mayfly_storage.domain.audio import Audio, AudioName, State
from mayfly_storage.domain.errors import ObjectKeyTakenError, PageTokenInvalidError, RequestSeenError, StateChangedError
from mayfly_storage.domain.filters import meets
from mayfly_storage.domain.ports import Footprint, Page
from mayfly_storage.testing.quotas import MemoryQuotas

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from mayfly_storage.domain.audio import Lease
    from mayfly_storage.domain.ports import AudioFilter, Shard
    from mayfly_storage.domain.quotas import QuotaUse, Reservation, Tally
    from mayfly_storage.domain.tickets import Ticket
    from mayfly_storage.domain.timing import Timing
    from mayfly_storage.domain.uploads import RequestRecord

_CURSOR = "memory:"


class MemoryCatalog:
    """An AudioCatalog. Tests may read, and break, what it holds."""

    def __init__(self, *, timing: Timing, now: Callable[[], datetime]) -> None:
        """Start empty.

        Args:
            timing: When a row is due.
            now: The clock that decides whether a request record is forgotten.
        """
        self.rows: dict[AudioName, Audio] = {}
        self.requests: dict[tuple[str, str], RequestRecord] = {}
        self.claims: dict[str, AudioName] = {}
        self.quotas = MemoryQuotas(now)
        self.failure: Exception | None = None
        """Raised by every method while it is set."""
        self._timing = timing
        self._now = now

    async def reserve(
        self,
        audio: Audio,
        request: RequestRecord | None,
        *,
        replaces: AudioName | None = None,
        pays: QuotaUse | None = None,
    ) -> None:
        """W1."""
        await self._turn()
        if request is not None:
            self._check_request(request, replaces)
        if audio.claims_key and audio.object_key in self.claims:
            raise ObjectKeyTakenError(audio.object_key)
        if audio.name in self.rows:
            raise StateChangedError(f"{audio.name} exists already")
        if pays is not None:
            self.quotas.check(pays)
            self.quotas.pay(pays)
        self.rows[audio.name] = audio
        if request is not None:
            self.requests[request.caller, request.request_id] = request
        if audio.claims_key:
            self.claims[audio.object_key] = audio.name

    def _check_request(self, request: RequestRecord, replaces: AudioName | None) -> None:
        known = self._known_request(request.caller, request.request_id, self._now())
        if (known.name if known else None) != replaces:
            raise RequestSeenError(f"request_id {request.request_id} stands for {known.name if known else 'nothing'}")

    def _known_request(self, caller: str, request_id: str, now: datetime) -> RequestRecord | None:
        known = self.requests.get((caller, request_id))
        return known if known is not None and now < known.forget_time else None

    async def reserve_quota(self, reservation: Reservation, tallies: Sequence[Tally]) -> Reservation:
        """Count before the work is done."""
        await self._turn()
        return self.quotas.reserve(reservation, tallies)

    async def find_request(self, caller: str, request_id: str, now: datetime) -> RequestRecord | None:
        """The request record, unless it is forgotten."""
        await self._turn()
        return self._known_request(caller, request_id, now)

    async def get_many(self, names: Sequence[AudioName]) -> dict[AudioName, Audio]:
        """The rows that exist."""
        await self._turn()
        return {name: self.rows[name] for name in names if name in self.rows}

    async def find_by_keys(self, object_keys: Sequence[str]) -> dict[str, AudioName]:
        """The holders of claimed keys."""
        await self._turn()
        return {key: self.claims[key] for key in object_keys if key in self.claims}

    async def make_ready(self, audio: Audio | Ticket) -> Audio:
        """W3."""
        await self._turn()
        row = self.rows.get(audio.name)
        if row is None or row.attempt != audio.attempt or row.state is State.DELETING:
            raise StateChangedError(f"{audio.name} is not PENDING with this attempt any more")
        if row.state is State.PENDING:
            row = self.rows[audio.name] = row.ready(etag=audio.etag or "", location=audio.location)
        return row

    async def name_upload(self, audio: Audio, upload_id: str) -> Audio:
        """Note the upload in parts."""
        await self._turn()
        row = self.rows.get(audio.name)
        if row is None or (row.state, row.attempt) != (State.PENDING, audio.attempt):
            raise StateChangedError(f"{audio.name} is not PENDING with this attempt any more")
        row = self.rows[audio.name] = replace(row, upload_id=row.upload_id or upload_id)
        return row

    async def begin_delete(
        self, audios: Sequence[Audio], now: datetime, *, lease: Lease | None = None
    ) -> list[Audio | None]:
        """D1."""
        await self._turn()
        return [self._begin_delete(audio, now, lease) for audio in audios]

    def _begin_delete(self, audio: Audio, now: datetime, lease: Lease | None) -> Audio | None:
        row = self.rows.get(audio.name)
        tombstone = row.deleted_as(audio, now, lease) if row is not None else None
        if tombstone is not None:
            self.rows[audio.name] = tombstone
        return tombstone

    async def retain(self, audio: Audio, expire_time: datetime) -> Audio:
        """Move the expiry."""
        await self._turn()
        row, wanted = self.rows.get(audio.name), replace(audio, state=State.READY, expire_time=expire_time)
        if row is not None and row.version == wanted.version:
            return row
        if row is None or row.state is not State.READY or row.version != audio.version:
            raise StateChangedError(f"{audio.name} is not READY with this expiry any more")
        row = self.rows[audio.name] = replace(row, expire_time=expire_time)
        return row

    async def mark_bytes_gone(self, tombstones: Sequence[Audio]) -> None:
        """Note that D3 was seen."""
        await self._turn()
        for row in self._still_deleting(tombstones):
            self.rows[row.name] = replace(row, bytes_gone=True)

    async def release(self, tombstones: Sequence[Audio]) -> None:
        """D4 of keys alone."""
        await self._turn()
        for row in self._still_deleting(tombstones):
            if self.claims.get(row.object_key) == row.name:
                del self.claims[row.object_key]
            self.rows[row.name] = row.released()

    async def remove(self, tombstones: Sequence[Audio]) -> None:
        """D4."""
        await self._turn()
        for row in self._still_deleting(tombstones):
            del self.rows[row.name]
        for given in tombstones:
            if given.name not in self.rows and self.claims.get(given.object_key) == given.name:
                del self.claims[given.object_key]

    def _still_deleting(self, tombstones: Sequence[Audio]) -> list[Audio]:
        rows = [self.rows[given.name] for given in tombstones if self._is_deleting(given)]
        return list({row.name: row for row in rows}.values())

    def _is_deleting(self, given: Audio) -> bool:
        row = self.rows.get(given.name)
        return row is not None and row.is_tombstone_of(given)

    async def list_audio(self, wanted: AudioFilter, *, limit: int, cursor: str = "") -> Page[Audio]:
        """Rows in any state, by name."""
        await self._turn()
        return _page(sorted((str(row.name), row) for row in self.rows.values() if meets(row, wanted)), limit, cursor)

    async def list_due(self, before: datetime, *, shard: Shard, limit: int, cursor: str = "") -> Page[Audio]:
        """Rows that are due, the longest due first."""
        await self._turn()
        due = ((self._timing.due_time(row), row) for row in self.rows.values())
        found = [(time, row) for time, row in due if time is not None and time <= before]
        mine = ((time, row) for time, row in found if shard.holds(row.name.audio_id))
        return _page(sorted((f"{time.isoformat()} {row.name}", row) for time, row in mine), limit, cursor)

    async def measure(self) -> dict[str, Footprint]:
        """Objects and bytes by collection."""
        await self._turn()
        found: defaultdict[str, Footprint] = defaultdict(Footprint)
        for row in self.rows.values():
            if row.state is State.READY:
                found[row.collection] += Footprint(objects=1, size_bytes=row.size_bytes)
        return dict(found)

    async def check(self) -> None:
        """Whether `failure` is unset."""
        await self._turn()

    async def _turn(self) -> None:
        await asyncio.sleep(0)
        if self.failure is not None:
            raise self.failure


def _page(rows: Iterable[tuple[str, Audio]], limit: int, cursor: str) -> Page[Audio]:
    if cursor and not cursor.startswith(_CURSOR):
        raise PageTokenInvalidError
    left = [(key, row) for key, row in rows if key > cursor.removeprefix(_CURSOR)]
    items = tuple(row for _, row in left[:limit])
    return Page(items=items, cursor=_CURSOR + left[limit - 1][0] if len(left) > limit else "")

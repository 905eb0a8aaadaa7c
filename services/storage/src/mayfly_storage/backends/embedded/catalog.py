"""The catalog in SQLite: one writer, which makes every condition simple, and group commit, which makes it fast."""

from __future__ import annotations

import functools
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from mayfly_storage.backends.embedded import listing, measuring, quotas, statements
from mayfly_storage.backends.embedded.rows import from_micros
from mayfly_storage.domain.audio import Audio, AudioName, State
from mayfly_storage.domain.errors import StateChangedError
from mayfly_storage.domain.ports import Footprint
from mayfly_storage.domain.uploads import RequestRecord

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from mayfly_storage.backends.embedded.reader import Reader
    from mayfly_storage.backends.embedded.writer import GroupWriter
    from mayfly_storage.domain.audio import Lease
    from mayfly_storage.domain.ports import AudioFilter, Page, Shard
    from mayfly_storage.domain.quotas import QuotaUse, Reservation, Tally
    from mayfly_storage.domain.tickets import Ticket
    from mayfly_storage.domain.timing import Timing

_FEW: Final = 32
"""Rows that are read in less time than it takes to wake a thread for them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SqliteCatalog:
    """An AudioCatalog. A condition and its write run in one transaction of the only writer."""

    read: Reader
    write: GroupWriter
    timing: Timing
    now: Callable[[], datetime]

    async def reserve(
        self,
        audio: Audio,
        request: RequestRecord | None,
        *,
        replaces: AudioName | None = None,
        pays: QuotaUse | None = None,
    ) -> None:
        """W1."""
        now = self.now()

        def write(connection: sqlite3.Connection) -> None:
            if request is not None:
                statements.add_request(connection, request, replaces=replaces, now=now)
            statements.add_audio(connection, audio, self.timing.due_time(audio))
            if audio.claims_key:
                statements.add_claim(connection, audio)
            if pays is not None:
                quotas.pay(connection, pays, now)
            statements.forget_requests(connection, now)

        await self.write(write)

    async def reserve_quota(self, reservation: Reservation, tallies: Sequence[Tally]) -> Reservation:
        """Count before the work is done."""
        now = self.now()
        return await self.write(lambda connection: quotas.reserve(connection, reservation, tallies, now))

    async def find_request(self, caller: str, request_id: str, now: datetime) -> RequestRecord | None:
        """The request record, unless it is forgotten."""
        row = await self.read.short(lambda connection: statements.find_request(connection, caller, request_id, now))
        if row is None:
            return None
        return RequestRecord(
            caller=caller,
            request_id=request_id,
            fingerprint=row["fingerprint"],
            name=AudioName(row["date"], row["audio_id"]),
            forget_time=from_micros(row["forget_time"]),
        )

    async def get_many(self, names: Sequence[AudioName]) -> dict[AudioName, Audio]:
        """The rows that exist."""
        read = self.read.short if len(names) <= _FEW else self.read
        return await read(lambda connection: statements.find_audios(connection, names))

    async def find_by_keys(self, object_keys: Sequence[str]) -> dict[str, AudioName]:
        """The holders of claimed keys."""
        return await self.read(lambda connection: statements.find_claims(connection, object_keys))

    async def make_ready(self, audio: Audio | Ticket) -> Audio:
        """W3."""

        def write(connection: sqlite3.Connection) -> Audio:
            row = statements.find_audio(connection, audio.name)
            if row is None or row.attempt != audio.attempt or row.state is State.DELETING:
                raise StateChangedError(f"{audio.name} is not PENDING with this attempt any more")
            if row.state is State.READY:
                return row
            return self._change(connection, row.ready(etag=audio.etag or "", location=audio.location))

        return await self.write(write)

    async def name_upload(self, audio: Audio, upload_id: str) -> Audio:
        """Note the upload in parts."""

        def write(connection: sqlite3.Connection) -> Audio:
            row = statements.find_audio(connection, audio.name)
            if row is None or (row.state, row.attempt) != (State.PENDING, audio.attempt):
                raise StateChangedError(f"{audio.name} is not PENDING with this attempt any more")
            return row if row.upload_id else self._change(connection, replace(row, upload_id=upload_id))

        return await self.write(write)

    async def begin_delete(
        self, audios: Sequence[Audio], now: datetime, *, lease: Lease | None = None
    ) -> list[Audio | None]:
        """D1."""

        def write(connection: sqlite3.Connection) -> list[Audio | None]:
            return [self._begin_delete(connection, audio, now, lease) for audio in audios]

        return await self.write(write, erases=True) if audios else []

    def _begin_delete(
        self, connection: sqlite3.Connection, given: Audio, now: datetime, lease: Lease | None
    ) -> Audio | None:
        row = statements.find_audio(connection, given.name)
        tombstone = row.deleted_as(given, now, lease) if row is not None else None
        if tombstone is not None and tombstone is not row:
            self._change(connection, tombstone)
        return tombstone

    async def retain(self, audio: Audio, expire_time: datetime) -> Audio:
        """Move the expiry, and with it when the row is due."""
        wanted = replace(audio, state=State.READY, expire_time=expire_time)

        def write(connection: sqlite3.Connection) -> Audio:
            row = statements.find_audio(connection, audio.name)
            if row is not None and row.version == wanted.version:
                return row
            if row is None or row.state is not State.READY or row.version != audio.version:
                raise StateChangedError(f"{audio.name} is not READY with this expiry any more")
            return self._change(connection, replace(row, expire_time=expire_time))

        return await self.write(write)

    async def mark_bytes_gone(self, tombstones: Sequence[Audio]) -> None:
        """Note that D3 was seen."""

        def write(connection: sqlite3.Connection) -> None:
            for row in _still_deleting(connection, tombstones):
                self._change(connection, replace(row, bytes_gone=True))

        await self.write(write)

    async def release(self, tombstones: Sequence[Audio]) -> None:
        """D4 of keys alone."""

        def write(connection: sqlite3.Connection) -> None:
            for row in _still_deleting(connection, tombstones):
                statements.remove_claim(connection, row.name)
                self._change(connection, row.released())

        await self.write(write)

    async def remove(self, tombstones: Sequence[Audio]) -> None:
        """D4."""

        def write(connection: sqlite3.Connection) -> None:
            for row in _still_deleting(connection, tombstones):
                statements.remove_audio(connection, row.name)

        await self.write(write)

    def _change(self, connection: sqlite3.Connection, audio: Audio) -> Audio:
        return statements.change_audio(connection, audio, self.timing.due_time(audio))

    async def list_audio(self, wanted: AudioFilter, *, limit: int, cursor: str = "") -> Page[Audio]:
        """Rows in any state, by name."""
        start = listing.Position.of_names(cursor)
        return await self.read(lambda connection: listing.list_audio(connection, wanted, limit=limit, start=start))

    async def list_due(self, before: datetime, *, shard: Shard, limit: int, cursor: str = "") -> Page[Audio]:
        """Rows that are due, the longest due first."""
        start = listing.Position.of_due(cursor)
        return await self.read(
            lambda connection: listing.list_due(connection, before, shard=shard, limit=limit, start=start)
        )

    async def measure(self) -> dict[str, Footprint]:
        """Objects and bytes by collection, counted some rows at a time: reads of others go in between."""
        found: defaultdict[str, Footprint] = defaultdict(Footprint)
        after: int | None = 0
        while after is not None:
            step = functools.partial(measuring.measure, after=after)
            counted, after = await self.read(step)
            for collection, footprint in counted.items():
                found[collection] += footprint
        return dict(found)

    async def check(self) -> None:
        """Whether rows can be read, and a write could begin."""
        await self.read(lambda connection: connection.execute("SELECT 1 FROM audio LIMIT 1").fetchone())
        await self.write(lambda _: None)


def _still_deleting(connection: sqlite3.Connection, tombstones: Sequence[Audio]) -> list[Audio]:
    given = {audio.name: audio for audio in tombstones}
    rows = statements.find_audios(connection, list(given))
    return [row for row in rows.values() if row.is_tombstone_of(given[row.name])]

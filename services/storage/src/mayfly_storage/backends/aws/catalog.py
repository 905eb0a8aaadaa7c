"""The rows in DynamoDB: the AudioCatalog of this backend."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mayfly_storage.backends.aws import quotas, rows
from mayfly_storage.backends.aws.schema import require_usable
from mayfly_storage.backends.aws.table import Refusal
from mayfly_storage.domain.audio import Audio, AudioName, State
from mayfly_storage.domain.errors import (
    ObjectKeyTakenError,
    RequestSeenError,
    ReservationGoneError,
    StateChangedError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

    from mayfly_storage.backends.aws.due import DueIndex
    from mayfly_storage.backends.aws.listing import RowListing
    from mayfly_storage.backends.aws.quotas import QuotaItems
    from mayfly_storage.backends.aws.table import AudioTable
    from mayfly_storage.backends.aws.writes import Writes
    from mayfly_storage.domain.audio import Lease
    from mayfly_storage.domain.ports import AudioFilter, Footprint, Page, Shard
    from mayfly_storage.domain.quotas import QuotaUse, Reservation, Tally
    from mayfly_storage.domain.tickets import Ticket
    from mayfly_storage.domain.uploads import RequestRecord


class DynamoCatalog:
    """Rows, request records and key claims in one table; every promise is the port's."""

    def __init__(
        self,
        *,
        table: AudioTable,
        writes: Writes,
        quotas: QuotaItems,
        listing: RowListing,
        due: DueIndex,
        now: Callable[[], datetime],
    ) -> None:
        """Take the table and its parts; `now` decides whether a request record is forgotten."""
        self._table = table
        self._writes = writes
        self._quotas = quotas
        self._listing = listing
        self._due = due
        self._now = now

    async def reserve(
        self,
        audio: Audio,
        request: RequestRecord | None,
        *,
        replaces: AudioName | None = None,
        pays: QuotaUse | None = None,
    ) -> None:
        """W1, in one transaction."""
        writes = [self._writes.add_row(audio)]
        if request is not None:
            writes.append(self._writes.add_request(request, self._now(), replaces=replaces))
        if audio.claims_key:
            writes.append(self._writes.add_claim(audio))
        noted = [self._writes.add_note(audio)] if audio.owner else []
        refused = await self._table.transact([*writes, *self._payments(pays), *noted])
        in_the_way = {place: refusal for place, refusal in refused.items() if place < len(writes)}
        if _is_own(in_the_way, writes, audio, request):
            return
        if in_the_way:
            raise _conflict(in_the_way, audio, request)
        if refused and pays is not None:
            raise _unpaid(refused, pays, first=len(writes))

    def _payments(self, pays: QuotaUse | None) -> list[TransactWriteItemTypeDef]:
        if pays is None:
            return []
        used = [self._quotas.use(*pays.reservation)] if pays.reservation is not None else []
        return [*used, *map(self._quotas.add, pays.tallies)]

    async def reserve_quota(self, reservation: Reservation, tallies: Sequence[Tally]) -> Reservation:
        """Count before the work is done, in one transaction."""
        return await quotas.reserve(self._table, self._quotas, reservation, tallies, now=self._now())

    async def find_request(self, caller: str, request_id: str, now: datetime) -> RequestRecord | None:
        """The request record, unless it is forgotten."""
        found = await self._table.read([rows.request_key(caller, request_id)])
        records = [rows.request_of(item, caller=caller) for item in found]
        return next((record for record in records if now < record.forget_time), None)

    async def get_many(self, names: Sequence[AudioName]) -> dict[AudioName, Audio]:
        """The rows that exist."""
        found = await self._table.read([rows.key_of(name) for name in dict.fromkeys(names)])
        return {audio.name: audio for audio in map(rows.audio_of, found)}

    async def find_by_keys(self, object_keys: Sequence[str]) -> dict[str, AudioName]:
        """The holders of claimed keys."""
        found = await self._table.read([rows.claim_key(key) for key in dict.fromkeys(object_keys)])
        return dict(map(rows.holder_of, found))

    async def make_ready(self, audio: Audio | Ticket) -> Audio:
        """W3."""
        row = await self._table.update(self._writes.make_ready(audio))
        if not isinstance(row, Refusal):
            return rows.audio_of(row)
        there = rows.audio_of(row.found) if row.found else None
        # READY by this attempt: the answer to an earlier try was lost, or this call is a repetition.
        if there is not None and (there.state, there.attempt) == (State.READY, audio.attempt):
            return there
        raise StateChangedError(f"{audio.name} is not PENDING with this attempt any more")

    async def name_upload(self, audio: Audio, upload_id: str) -> Audio:
        """Note the upload in parts."""
        row = await self._table.update(self._writes.name_upload(audio, upload_id))
        there = row if not isinstance(row, Refusal) else row.found
        found = rows.audio_of(there) if there else None
        if found is not None and (found.state, found.attempt) == (State.PENDING, audio.attempt):
            return found
        raise StateChangedError(f"{audio.name} is not PENDING with this attempt any more")

    async def begin_delete(
        self, audios: Sequence[Audio], now: datetime, *, lease: Lease | None = None
    ) -> list[Audio | None]:
        """D1, for each row on its own; a hundred in a request."""
        wanted: dict[AudioName, Audio] = {}
        steps: list[list[TransactWriteItemTypeDef]] = []
        for audio in _distinct(audios):
            if audio.state is not State.DELETING:
                wanted[audio.name] = audio.tombstone(now, lease)
                steps.append(self._writes.begin_delete(audio, wanted[audio.name]))
            elif lease is not None and audio.holds_key:
                wanted[audio.name] = replace(audio, lease=lease)
                steps.append(self._writes.take_lease(wanted[audio.name], now))
        outcomes = await self._table.apply(steps)
        marked = {
            tombstone.name: tombstone
            for tombstone, refusal in zip(wanted.values(), outcomes, strict=True)
            if refusal is None or _is_own_delete(refusal, tombstone)
        }
        marked |= await self._unchanged([audio for audio in audios if audio.name not in wanted])
        return [marked.get(audio.name) for audio in audios]

    async def _unchanged(self, tombstones: Sequence[Audio]) -> dict[AudioName, Audio]:
        there = await self.get_many([audio.name for audio in tombstones])
        return {given.name: there[given.name] for given in tombstones if _is_same(there.get(given.name), given)}

    async def retain(self, audio: Audio, expire_time: datetime) -> Audio:
        """Move the expiry: of the row alone, or of the row and its key claim in one transaction."""
        kept = replace(audio, state=State.READY, expire_time=expire_time)
        refused = await self._retain(audio, kept)
        # Another try of ours may have come through, and its answer been lost.
        if refused is None or (refused.found and _is_same(rows.audio_of(refused.found), kept)):
            return kept
        raise StateChangedError(f"{audio.name} is not READY with this expiry any more")

    async def _retain(self, audio: Audio, kept: Audio) -> Refusal | None:
        update = self._writes.retain(audio, kept)
        if not audio.claims_key:
            done = await self._table.update(update)
            return done if isinstance(done, Refusal) else None
        refused = await self._table.transact([{"Update": update}, self._writes.renew_claim(kept)])
        return refused.get(0, Refusal({})) if refused else None

    async def mark_bytes_gone(self, tombstones: Sequence[Audio]) -> None:
        """Note that D3 was seen."""
        gone = [replace(audio, bytes_gone=True) for audio in _distinct(tombstones)]
        await self._table.apply([[self._writes.mark_bytes_gone(audio)] for audio in gone])

    async def release(self, tombstones: Sequence[Audio]) -> None:
        """D4 of keys alone, each with its row in one transaction."""
        await self._table.apply([self._writes.release(audio) for audio in _distinct(tombstones)])

    async def remove(self, tombstones: Sequence[Audio]) -> None:
        """D4."""
        given = _distinct(tombstones)
        outcomes = await self._table.apply([self._removal(audio) for audio in given])
        # Where another audio holds the key by now, the row alone may go; a row that has changed is refused again.
        rest = [audio for audio, refusal in zip(given, outcomes, strict=True) if refusal and audio.holds_key]
        await self._table.apply([[self._writes.remove_row(audio)] for audio in rest])

    def _removal(self, audio: Audio) -> list[TransactWriteItemTypeDef]:
        row = self._writes.remove_row(audio)
        return [row, self._writes.remove_claim(audio)] if audio.holds_key else [row]

    async def list_audio(self, wanted: AudioFilter, *, limit: int, cursor: str = "") -> Page[Audio]:
        """Rows in any state; by name within a day."""
        return await self._listing.page(wanted, limit=limit, cursor=cursor)

    async def list_due(self, before: datetime, *, shard: Shard, limit: int, cursor: str = "") -> Page[Audio]:
        """Rows that are due, the longest due first."""
        return await self._due.page(before, shard=shard, limit=limit, cursor=cursor)

    async def measure(self) -> dict[str, Footprint]:
        """Objects and bytes by collection, by a scan that need not be consistent: half the price."""
        return await self._listing.measure()

    async def check(self) -> None:
        """Whether the table is there, with its index."""
        await require_usable(self._table)


def _is_own(refused: dict[int, Refusal], writes: Sequence[object], audio: Audio, request: RequestRecord | None) -> bool:
    """Whether what is in the way of W1 is all of what it writes: then the answer to an earlier try was lost.

    The row alone would not do: whatever is one transaction is there as a whole, or not at all.
    """
    found = [refusal.found for refusal in refused.values()]
    if len(found) < len(writes) or not all(found) or rows.audio_of(refused[0].found) != audio:
        return False
    return request is None or rows.request_of(refused[1].found, caller=request.caller) == request


def _conflict(refused: dict[int, Refusal], audio: Audio, request: RequestRecord | None) -> Exception:
    """Which condition of W1 did not hold; the writes are row, request record, claim, as far as there are such."""
    if request is not None and 1 in refused:
        return RequestSeenError(f"request_id {request.request_id} is known, or stands for another audio")
    if 0 in refused:
        return StateChangedError(f"{audio.name} exists already")
    return ObjectKeyTakenError(audio.object_key)


def _unpaid(refused: dict[int, Refusal], pays: QuotaUse, *, first: int) -> Exception:
    """Why W1 could not be paid for; its payments begin at the place `first`."""
    if pays.reservation is not None and first in refused:
        return ReservationGoneError("another upload has used it")
    return quotas.refusal(pays.tallies, refused, first=first + (pays.reservation is not None))


def _is_own_delete(refusal: Refusal, tombstone: Audio) -> bool:
    """Whether the tombstone that is in the way is the one that we wrote."""
    if not refusal.found or "state" not in refusal.found:  # nothing, or the claim of another audio
        return False
    there = rows.audio_of(refusal.found)
    return there.is_tombstone_of(tombstone) and there.delete_time == tombstone.delete_time


def _is_same(there: Audio | None, given: Audio) -> bool:
    return there is not None and there.version == given.version


def _distinct(audios: Sequence[Audio]) -> list[Audio]:
    """Each row once: a transaction must not name one twice."""
    return list({audio.name: audio for audio in audios}.values())

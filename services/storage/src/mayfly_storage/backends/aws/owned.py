"""Whose audio it is: found at a cost that follows what is owned, and with nothing missed.

A sparse index holds the keys of the rows that have an owner; D1 takes the owner, and so the row leaves it. An index of
DynamoDB lags behind its table, mostly by less than a second, but nothing bounds it; and ForgetSubject must miss
nothing. So W1 leaves a note in the same transaction, under the owner, which is read consistently. What was made within
the last `LAG` is asked of the notes, and what is older of the index. Neither decides anything: the rows do, read
consistently. Notes are never deleted; they are of no use after `LAG`, and DynamoDB's TTL collects them.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from mayfly_storage.backends.aws import attributes as at
from mayfly_storage.backends.aws.attributes import ItemReader
from mayfly_storage.backends.aws.cursors import CursorFormat, Places, scope_of
from mayfly_storage.backends.aws.expressions import Condition, equals, names_in
from mayfly_storage.backends.aws.rows import OWNER, OWNER_INDEX, PARTITION, SORT, audio_of, key_of, name_of
from mayfly_storage.domain.audio import AudioName
from mayfly_storage.domain.errors import PageTokenInvalidError
from mayfly_storage.domain.filters import meets
from mayfly_storage.domain.ports import Page

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from mypy_boto3_dynamodb.type_defs import QueryInputTypeDef

    from mayfly_storage.backends.aws.attributes import Item
    from mayfly_storage.backends.aws.table import AudioTable
    from mayfly_storage.domain.audio import Audio
    from mayfly_storage.domain.ports import AudioFilter

LAG: Final = timedelta(hours=1)
"""How far behind the index may be: thousands of times what it is on a bad day. Longer makes ForgetSubject read more."""
_REQUESTS: Final = 4
"""Queries for one page at most; a page may be short, or empty, although there are more."""
_LAST: Final = "~"
"""Sorts behind every time."""


def note(audio: Audio) -> Item:
    """What W1 leaves under the owner: when, and the name. It names the owner by a hash alone."""
    return {
        PARTITION: at.text(_notes_of(audio.owner)),
        SORT: at.text(f"{at.iso(audio.create_time)}/{audio.name.date}/{audio.name.audio_id}"),
        "ttl": at.number(math.ceil((audio.create_time + 2 * LAG).timestamp())),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """How far a listing has come: through the notes first, then through the index."""

    since: str
    """What is asked of the notes was made then or later; the same for all pages."""
    note: str = ""
    """The note that was read last; empty: none, or all of them."""
    row: AudioName | None = None
    """The row that the index gave last."""
    in_index: bool = False


class OwnedRows:
    """Pages of one owner's rows."""

    def __init__(self, table: AudioTable, now: Callable[[], datetime]) -> None:
        """Take the table, and the clock that rows are dated by."""
        self._table = table
        self._now = now

    async def page(self, wanted: AudioFilter, *, limit: int, cursor: str) -> Page[Audio]:
        """One page of `wanted.owner`'s rows, as they were last written."""
        cursors = CursorFormat("owned", scope_of(wanted))
        place: _Place | None = _decode(cursors.decode(cursor)) if cursor else self._begin(wanted)
        found: list[Audio] = []
        for _ in range(_REQUESTS):
            if place is None or len(found) == limit:
                break
            read = self._read_index if place.in_index else self._read_notes
            rows, place = await read(wanted, place, limit - len(found))
            found += rows
        return Page(items=tuple(found), cursor=cursors.encode(_encode(place)) if place is not None else "")

    def _begin(self, wanted: AudioFilter) -> _Place:
        since = at.iso(self._now() - LAG)
        # Nothing of a day that is over for longer has a note any more.
        return _Place(since=since, in_index=bool(wanted.date) and f"{wanted.date}{_LAST}" < since)

    async def _read_notes(self, wanted: AudioFilter, place: _Place, limit: int) -> tuple[list[Audio], _Place | None]:
        partition = _notes_of(wanted.owner)
        span = Condition(
            f"#{SORT} BETWEEN :since AND :until",
            {":since": at.text(max(place.since, wanted.date)), ":until": at.text(f"{wanted.date}{_LAST}")},
        )
        request = self._request(equals(PARTITION, partition) & span, limit)
        request["ConsistentRead"] = True
        if place.note:
            request["ExclusiveStartKey"] = {PARTITION: at.text(partition), SORT: at.text(place.note)}
        answer = await self._table.page(self._table.client.query, **request)
        notes = [ItemReader(item).text(SORT) for item in answer["Items"]]
        rows = await self._rows([_noted(text) for text in notes], wanted)
        if "LastEvaluatedKey" in answer:
            return rows, _Place(since=place.since, note=ItemReader(answer["LastEvaluatedKey"]).text(SORT))
        return rows, _Place(since=place.since, in_index=True)

    async def _read_index(self, wanted: AudioFilter, place: _Place, limit: int) -> tuple[list[Audio], _Place | None]:
        condition = equals(OWNER, wanted.owner)
        if wanted.date:
            condition &= equals(PARTITION, wanted.date)
        request = self._request(condition, limit)
        request["IndexName"] = OWNER_INDEX
        if place.row is not None:
            request["ExclusiveStartKey"] = {OWNER: at.text(wanted.owner), **key_of(place.row)}
        answer = await self._table.page(self._table.client.query, **request)
        rows = await self._rows(list(map(name_of, answer["Items"])), wanted)
        following = None
        if last := answer.get("LastEvaluatedKey"):
            following = _Place(since=place.since, row=name_of(last), in_index=True)
        # Those that are younger were among the notes.
        return [row for row in rows if at.iso(row.create_time) < place.since], following

    def _request(self, condition: Condition, limit: int) -> QueryInputTypeDef:
        return {
            "TableName": self._table.name,
            "KeyConditionExpression": condition.text,
            "ExpressionAttributeNames": names_in(condition.text),
            "ExpressionAttributeValues": condition.values,
            "Limit": limit,
        }

    async def _rows(self, names: Sequence[AudioName], wanted: AudioFilter) -> list[Audio]:
        """The rows as they are now, in this order; without those that have no owner any more, or are others'."""
        there = {row.name: row for row in map(audio_of, await self._table.read([key_of(name) for name in names]))}
        return [there[name] for name in names if name in there and meets(there[name], wanted)]


def _notes_of(owner: str) -> str:
    return f"own#{hashlib.sha256(owner.encode()).hexdigest()[:32]}"


def _noted(text: str) -> AudioName:
    _, date, audio_id = text.split("/")
    return AudioName(date, audio_id)


def _encode(place: _Place) -> Places:
    if not place.in_index:
        return {"note": [place.since, place.note]}
    row = [place.row.date, place.row.audio_id] if place.row is not None else []
    return {"index": [place.since, *row]}


def _decode(places: Places) -> _Place:
    match places:
        case {"note": [since, last], **others} if not others:
            return _Place(since=since, note=last)
        case {"index": [since], **others} if not others:
            return _Place(since=since, in_index=True)
        case {"index": [since, date, audio_id], **others} if not others:
            return _Place(since=since, row=AudioName(date, audio_id), in_index=True)
        case _:
            raise PageTokenInvalidError

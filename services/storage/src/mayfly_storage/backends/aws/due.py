"""The index of what is due: a few partitions, ordered by due time, that hold nothing else."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mayfly_storage.backends.aws import attributes as at
from mayfly_storage.backends.aws.attributes import ItemReader
from mayfly_storage.backends.aws.cursors import CursorFormat
from mayfly_storage.backends.aws.expressions import Condition, equals, names_in
from mayfly_storage.backends.aws.rows import DUE_BUCKET, DUE_INDEX, DUE_TIME, PARTITION, SORT, RowFormat, audio_of
from mayfly_storage.domain.errors import PageTokenInvalidError
from mayfly_storage.domain.ports import Page, Shard

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from mypy_boto3_dynamodb.type_defs import QueryInputTypeDef

    from mayfly_storage.backends.aws.attributes import Item
    from mayfly_storage.backends.aws.cursors import Places
    from mayfly_storage.backends.aws.table import AudioTable
    from mayfly_storage.domain.audio import Audio

_SPARE: Final = 1.25
"""How much more than its even share is read of each bucket, so that a page comes out full though chance is uneven."""


@dataclass(slots=True)
class _Bucket:
    """What was read of one bucket, in its order, and how far it has been taken."""

    name: str
    place: list[str]
    items: list[Item]
    has_more: bool
    taken: int = 0

    @property
    def next_due(self) -> str | None:
        """When its next item is due; None if nothing that was read is left."""
        return ItemReader(self.items[self.taken]).text(DUE_TIME) if self.taken < len(self.items) else None

    def take(self) -> Item:
        """Take the next item."""
        item = self.items[self.taken]
        self.taken += 1
        self.place = [ItemReader(item).text(name) for name in (DUE_TIME, PARTITION, SORT)]
        return item

    @property
    def is_done(self) -> bool:
        """Whether nothing is left in it."""
        return self.next_due is None and not self.has_more


class DueIndex:
    """Pages of due rows, the longest due first over all buckets."""

    def __init__(self, table: AudioTable, rows: RowFormat) -> None:
        """Take the table, and how its rows say when they are due."""
        self._table = table
        self._rows = rows

    async def page(self, before: datetime, *, shard: Shard, limit: int, cursor: str) -> Page[Audio]:
        """One page; one request for each bucket that is not done."""
        cursors = CursorFormat("due", f"{shard.index}/{shard.count}")
        places = self._decode(cursors, cursor) if cursor else {name: [] for name in self._rows.all_due_buckets}
        share = min(limit, int(limit / len(places) * _SPARE) + 8)
        buckets = await asyncio.gather(*(self._read(name, place, before, share) for name, place in places.items()))
        items = _merge(buckets, limit)
        left = {bucket.name: bucket.place for bucket in buckets if not bucket.is_done}
        audios = (audio_of(item) for item in items)
        return Page(
            # Buckets are the table's affair, shards the sweeper's: a shard reads all buckets, and keeps its own.
            items=tuple(audio for audio in audios if shard.holds(audio.name.audio_id)),
            cursor=cursors.encode(left) if left else "",
        )

    def _decode(self, cursors: CursorFormat, cursor: str) -> Places:
        places = cursors.decode(cursor)
        if not places or not places.keys() <= set(self._rows.all_due_buckets):
            raise PageTokenInvalidError
        if any(len(place) not in {0, 3} for place in places.values()):
            raise PageTokenInvalidError
        return places

    async def _read(self, name: str, place: list[str], before: datetime, limit: int) -> _Bucket:
        condition = equals(DUE_BUCKET, name) & Condition(f"#{DUE_TIME} <= :before", {":before": at.time(before)})
        request: QueryInputTypeDef = {
            "TableName": self._table.name,
            "IndexName": DUE_INDEX,
            "KeyConditionExpression": condition.text,
            "ExpressionAttributeNames": names_in(condition.text),
            "ExpressionAttributeValues": condition.values,
            "Limit": limit,
        }
        if place:
            request["ExclusiveStartKey"] = _start(name, place)
        answer = await self._table.page(self._table.client.query, **request)
        return _Bucket(name, place, answer["Items"], has_more="LastEvaluatedKey" in answer)


def _start(bucket: str, place: list[str]) -> Item:
    names = (DUE_BUCKET, DUE_TIME, PARTITION, SORT)
    return {name: at.text(value) for name, value in zip(names, (bucket, *place), strict=True)}


def _merge(buckets: Sequence[_Bucket], limit: int) -> list[Item]:
    """Take up to `limit` items in the order of their due time, as far as what was read tells it."""
    taken: list[Item] = []
    while len(taken) < limit and not any(bucket.next_due is None and bucket.has_more for bucket in buckets):
        waiting = [(due, bucket.name, bucket) for bucket in buckets if (due := bucket.next_due) is not None]
        if not waiting:
            break
        taken.append(min(waiting)[2].take())
    return taken

"""Listing rows: a day by its partition, anything else but an owner (`owned.py`) by a scan."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

from mayfly_storage.backends.aws import attributes as at
from mayfly_storage.backends.aws.attributes import ItemReader
from mayfly_storage.backends.aws.cursors import CursorFormat, scope_of
from mayfly_storage.backends.aws.expressions import Condition, equals, names_in
from mayfly_storage.backends.aws.rows import PARTITION, audio_of, key_of, name_of
from mayfly_storage.domain.audio import AudioName, State
from mayfly_storage.domain.errors import PageTokenInvalidError
from mayfly_storage.domain.ports import AudioFilter, Footprint, Page

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_dynamodb.type_defs import QueryOutputTypeDef, ScanInputTypeDef, ScanOutputTypeDef

    from mayfly_storage.backends.aws.attributes import Item
    from mayfly_storage.backends.aws.owned import OwnedRows
    from mayfly_storage.backends.aws.table import AudioTable
    from mayfly_storage.domain.audio import Audio

_LOOKED_AT: Final = 1000
"""Items that one request may look at where most are expected to be left out by the filter."""
_REQUESTS: Final = 4
"""For one page at most; a page may be short, or empty, although there are more."""


class RowListing:
    """Pages of rows."""

    def __init__(self, table: AudioTable, owned: OwnedRows) -> None:
        """Take the table, and what finds an owner's rows in it."""
        self._table = table
        self._owned = owned

    async def page(self, wanted: AudioFilter, *, limit: int, cursor: str) -> Page[Audio]:
        """One page, consistent with what was last written."""
        if wanted.owner:
            return await self._owned.page(wanted, limit=limit, cursor=cursor)
        cursors = CursorFormat("rows", scope_of(wanted))
        after = _decode(cursors, cursor, wanted) if cursor else None
        found: list[Item] = []
        for _ in range(_REQUESTS):
            items, after = await self._read(wanted, limit, after)
            found += items
            if after is None or len(found) >= limit:
                break
        if len(found) > limit:
            after = name_of(found[limit - 1])
        following = cursors.encode({"row": [after.date, after.audio_id]}) if after else ""
        return Page(items=tuple(map(audio_of, found[:limit])), cursor=following)

    async def measure(self) -> dict[str, Footprint]:
        """The READY rows by collection. One page after the other, so that callers keep most of the table's capacity."""
        found: defaultdict[str, Footprint] = defaultdict(Footprint)
        request = self._measuring()
        while True:
            page = await self._table.calls(self._table.client.scan, **request)
            for item in map(ItemReader, page["Items"]):
                found[item.text("collection")] += Footprint(objects=1, size_bytes=item.integer("size_bytes"))
            if "LastEvaluatedKey" not in page:
                return dict(found)
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def _measuring(self) -> ScanInputTypeDef:
        ready, wanted = equals("state", State.READY), "#collection, #size_bytes"
        return {
            "TableName": self._table.name,
            "FilterExpression": ready.text,
            "ProjectionExpression": wanted,
            "ExpressionAttributeNames": names_in(ready.text, wanted),
            "ExpressionAttributeValues": ready.values,
        }

    async def _read(
        self, wanted: AudioFilter, limit: int, after: AudioName | None
    ) -> tuple[list[Item], AudioName | None]:
        request = self._request(wanted, limit)
        if after is not None:
            request["ExclusiveStartKey"] = key_of(after)
        client = self._table.client
        read: Callable[..., QueryOutputTypeDef | ScanOutputTypeDef] = client.query if wanted.date else client.scan
        answer = await self._table.page(read, **request)
        last = answer.get("LastEvaluatedKey")
        return answer["Items"], name_of(last) if last else None

    def _request(self, wanted: AudioFilter, limit: int) -> dict[str, object]:
        day = equals(PARTITION, wanted.date) if wanted.date else Condition("")
        condition = _filter(wanted)
        is_whole_day = wanted.date and wanted == AudioFilter(date=wanted.date, ready=wanted.ready)
        request: dict[str, object] = {
            "TableName": self._table.name,
            "ConsistentRead": True,
            "Limit": limit if is_whole_day else max(limit, _LOOKED_AT),
            "FilterExpression": condition.text,
            "ExpressionAttributeNames": names_in(day.text, condition.text),
        }
        if wanted.date:
            request["KeyConditionExpression"] = day.text
        if values := day.values | condition.values:
            request["ExpressionAttributeValues"] = values
        return request


def _filter(wanted: AudioFilter) -> Condition:
    """Rows of audio alone (request records and claims have no state), and of those what is asked for."""
    condition = equals("state", State.READY) if wanted.ready else Condition("attribute_exists(#state)")
    if wanted.collection:
        condition &= equals("collection", wanted.collection)
    if wanted.session_id:
        condition &= Condition("#key_fields.#session_id = :session_id", {":session_id": at.text(wanted.session_id)})
    if wanted.object_key_prefix:
        condition &= Condition("begins_with(#s3_key, :prefix)", {":prefix": at.text(wanted.object_key_prefix)})
    return condition


def _decode(cursors: CursorFormat, cursor: str, wanted: AudioFilter) -> AudioName:
    match cursors.decode(cursor):
        case {"row": [date, audio_id]} if wanted.date in {"", date}:
            return AudioName(date, audio_id)
        case _:
            raise PageTokenInvalidError

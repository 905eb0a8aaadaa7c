"""Quotas in DynamoDB: counters and reservations as items of the one table, changed in one transaction.

A counter's item holds what is used of each measure within its window. Its conditions are those of one transaction with
everything else that has to be: so no counter passes its limit, however many replicas add to it.
"""

from __future__ import annotations

import hashlib
import math
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from mayfly_storage.backends.aws import attributes as at
from mayfly_storage.backends.aws.attributes import Item, ItemReader
from mayfly_storage.backends.aws.expressions import Condition, absent, names_in
from mayfly_storage.backends.aws.rows import PARTITION, SORT
from mayfly_storage.domain.errors import QuotaRefusedError
from mayfly_storage.domain.quotas import Charge, Measure, Reservation, Tally

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef, TransactWriteItemTypeDef

    from mayfly_storage.backends.aws.table import AudioTable, Refusal

_MARGIN: Final = timedelta(hours=1)
"""How much longer items stay than they are of use: clocks differ."""
_USED: Final = "used"


class QuotaItems:
    """Makes the writes for one table, and reads what stood in their way."""

    def __init__(self, table: str) -> None:
        """Take the table's name."""
        self._table = table

    def reserve(self, wanted: Reservation, now: datetime) -> TransactWriteItemTypeDef:
        """The reservation, which must be new or have lapsed."""
        condition = absent(PARTITION) | Condition("#forget_time <= :now", {":now": at.time(now)})
        item = _reservation_key(wanted.caller, wanted.request_id) | {
            "fingerprint": at.text(wanted.fingerprint),
            "forget_time": at.time(wanted.expire_time),
            "ttl": _ttl(wanted.expire_time),
        }
        return {
            "Put": {
                "TableName": self._table,
                "Item": item,
                "ConditionExpression": condition.text,
                "ExpressionAttributeNames": names_in(condition.text),
                "ExpressionAttributeValues": condition.values,
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        }

    def use(self, caller: str, request_id: str) -> TransactWriteItemTypeDef:
        """Use a reservation up, which must be there and unused."""
        condition = f"attribute_exists(#{PARTITION}) AND attribute_not_exists(#{_USED})"
        update = f"SET #{_USED} = :{_USED}"
        return {
            "Update": {
                "TableName": self._table,
                "Key": _reservation_key(caller, request_id),
                "UpdateExpression": update,
                "ConditionExpression": condition,
                "ExpressionAttributeNames": names_in(update, condition),
                "ExpressionAttributeValues": {f":{_USED}": at.flag(value=True)},
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        }

    def add(self, tally: Tally) -> TransactWriteItemTypeDef:
        """Add to a counter all that is charged, where all of it has room."""
        conditions = [_has_room(charge) for charge in tally.charges]
        condition = " AND ".join(f"({each.text})" for each in conditions)
        added = ", ".join(f"#{charge.measure} :{charge.measure}" for charge in tally.charges)
        update = f"SET #ttl = :ttl ADD {added}"
        values: Item = {":ttl": _ttl(tally.reset_time)}
        for each in conditions:
            values |= each.values
        return {
            "Update": {
                "TableName": self._table,
                "Key": _counter_key(tally.counter),
                "UpdateExpression": update,
                "ConditionExpression": condition,
                "ExpressionAttributeNames": names_in(update, condition),
                "ExpressionAttributeValues": values,
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        }


async def reserve(
    table: AudioTable, items: QuotaItems, wanted: Reservation, tallies: Sequence[Tally], *, now: datetime
) -> Reservation:
    """Note the reservation and count in one request, or answer the one that there is. Raises QuotaRefusedError."""
    refused = await table.transact([items.reserve(wanted, now), *map(items.add, tallies)])
    if 0 in refused:
        return _reservation(refused[0].found, wanted)
    if refused:
        raise refusal(tallies, refused, first=1)
    return wanted


def refusal(tallies: Sequence[Tally], refused: dict[int, Refusal], *, first: int) -> QuotaRefusedError:
    """Which counters had no room; the tallies begin at the place `first` of the transaction."""
    return QuotaRefusedError(
        _refusal(tally, ItemReader(refused[place].found))
        for place, tally in enumerate(tallies, start=first)
        if place in refused
    )


def _has_room(charge: Charge) -> Condition:
    left, name = charge.limit - charge.amount, charge.measure
    values = {f":{name}": at.number(charge.amount), f":{name}_left": at.number(left)}
    room = f"#{name} <= :{name}_left"
    # An amount beyond the whole limit has no room in an empty counter either.
    return Condition(f"attribute_not_exists(#{name}) OR {room}" if left >= 0 else room, values)


def _refusal(tally: Tally, found: ItemReader) -> tuple[Tally, Charge, int]:
    used = {measure.value: found.integer(measure) for measure in Measure}
    charge = tally.exceeded(used) or tally.charges[0]
    return tally, charge, used[charge.measure]


def _reservation(item: Item, wanted: Reservation) -> Reservation:
    reader = ItemReader(item)
    return Reservation(
        caller=wanted.caller,
        request_id=wanted.request_id,
        fingerprint=reader.text("fingerprint"),
        expire_time=reader.moment("forget_time"),
    )


def _reservation_key(caller: str, request_id: str) -> Item:
    return _key(f"quota#{caller}#{_digest(request_id)[:2]}", request_id)


def _counter_key(counter: str) -> Item:
    return _key(f"count#{_digest(counter)[:4]}", counter)


def _key(partition: str, sort: str) -> Item:
    return {PARTITION: at.text(partition), SORT: at.text(sort)}


def _ttl(end: datetime) -> AttributeValueTypeDef:
    return at.number(math.ceil((end + _MARGIN).timestamp()))


def _digest(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()

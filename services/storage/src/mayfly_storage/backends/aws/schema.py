"""The table: system A's two keys, the indexes of what is due and of whose it is, and DynamoDB's TTL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mayfly_storage.backends.aws.rows import DUE_BUCKET, DUE_INDEX, DUE_TIME, OWNER, OWNER_INDEX, PARTITION, SORT
from mayfly_storage.domain.errors import BackendMisconfiguredError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mypy_boto3_dynamodb.type_defs import (
        AttributeDefinitionTypeDef,
        GlobalSecondaryIndexDescriptionTypeDef,
        GlobalSecondaryIndexTypeDef,
        KeySchemaElementTypeDef,
        TableDescriptionTypeDef,
    )

    from mayfly_storage.backends.aws.table import AudioTable

TTL_ATTRIBUTE: Final = "ttl"
_USABLE: Final = frozenset({"ACTIVE", "UPDATING"})
KEYS: Final[Sequence[KeySchemaElementTypeDef]] = (
    {"AttributeName": PARTITION, "KeyType": "HASH"},
    {"AttributeName": SORT, "KeyType": "RANGE"},
)
BY_DUE_TIME: Final[GlobalSecondaryIndexTypeDef] = {
    "IndexName": DUE_INDEX,
    "KeySchema": [
        {"AttributeName": DUE_BUCKET, "KeyType": "HASH"},
        {"AttributeName": DUE_TIME, "KeyType": "RANGE"},
    ],
    # Whole rows, so that finding a thousand due rows needs no thousand reads. D1 empties them here, too.
    "Projection": {"ProjectionType": "ALL"},
}
BY_OWNER: Final[GlobalSecondaryIndexTypeDef] = {
    "IndexName": OWNER_INDEX,
    # Attributes that rows have anyway: DynamoDB fills the index by itself, also from rows that were there before it.
    "KeySchema": [
        {"AttributeName": OWNER, "KeyType": "HASH"},
        {"AttributeName": PARTITION, "KeyType": "RANGE"},
    ],
    # The rows are read anyway, consistently; so a change of a row costs nothing here until D1 takes its owner.
    "Projection": {"ProjectionType": "KEYS_ONLY"},
}
INDEXES: Final = (BY_DUE_TIME, BY_OWNER)


async def require_usable(table: AudioTable) -> None:
    """Raise BackendMisconfiguredError unless the table has the schema that the catalog works with."""
    answer = await table.calls(table.client.describe_table, TableName=table.name)
    if problem := problem_of(answer["Table"]):
        raise BackendMisconfiguredError(table.calls.service, f"table {table.name} {problem}")


def problem_of(table: TableDescriptionTypeDef) -> str:
    """What is wrong with a table; empty if nothing is."""
    if table.get("TableStatus") not in _USABLE:
        return f"is {table.get('TableStatus')}"
    if not has_our_keys(table):
        return f"has not the keys {PARTITION} and {SORT}"
    return next(filter(None, (_problem_of_index(table, wanted) for wanted in INDEXES)), "")


def _problem_of_index(table: TableDescriptionTypeDef, wanted: GlobalSecondaryIndexTypeDef) -> str:
    name, keys = wanted["IndexName"], _schema(wanted["KeySchema"])
    there = index_of(table, name)
    if there is None or _schema(there.get("KeySchema", [])) != keys:
        return f"has no index {name} by {' and '.join(key for key, _ in keys)}"
    return "" if there.get("IndexStatus") in _USABLE else f"has an index {name} that is {there.get('IndexStatus')}"


def has_our_keys(table: TableDescriptionTypeDef) -> bool:
    """Whether the table's keys are system A's. They can never be changed."""
    return _schema(table.get("KeySchema", [])) == _schema(KEYS)


def index_of(table: TableDescriptionTypeDef, name: str) -> GlobalSecondaryIndexDescriptionTypeDef | None:
    """An index of the table; None if it has none of this name."""
    indexes = {index.get("IndexName"): index for index in table.get("GlobalSecondaryIndexes", [])}
    return indexes.get(name)


def definitions(*schemas: Sequence[KeySchemaElementTypeDef]) -> list[AttributeDefinitionTypeDef]:
    """The attributes of some keys, all of them texts. DynamoDB refuses to hear of any others."""
    names = dict.fromkeys(key["AttributeName"] for keys in schemas for key in keys)
    return [{"AttributeName": name, "AttributeType": "S"} for name in names]


def _schema(keys: Sequence[KeySchemaElementTypeDef]) -> list[tuple[str, str]]:
    return [(key["AttributeName"], key["KeyType"]) for key in keys]

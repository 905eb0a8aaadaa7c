"""The table: system A's two keys, the index of what is due, and DynamoDB's TTL as garbage collection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mayfly_storage.backends.aws.rows import DUE_BUCKET, DUE_INDEX, DUE_TIME, PARTITION, SORT
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
ATTRIBUTES: Final[Sequence[AttributeDefinitionTypeDef]] = tuple(
    {"AttributeName": name, "AttributeType": "S"} for name in (PARTITION, SORT, DUE_BUCKET, DUE_TIME)
)
INDEX: Final[GlobalSecondaryIndexTypeDef] = {
    "IndexName": DUE_INDEX,
    "KeySchema": [
        {"AttributeName": DUE_BUCKET, "KeyType": "HASH"},
        {"AttributeName": DUE_TIME, "KeyType": "RANGE"},
    ],
    # Whole rows, so that finding a thousand due rows needs no thousand reads. D1 empties them here, too.
    "Projection": {"ProjectionType": "ALL"},
}


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
    index = due_index(table)
    if index is None or _schema(index.get("KeySchema", [])) != _schema(INDEX["KeySchema"]):
        return f"has no index {DUE_INDEX} by {DUE_BUCKET} and {DUE_TIME}"
    return "" if index.get("IndexStatus") in _USABLE else f"has an index {DUE_INDEX} that is {index.get('IndexStatus')}"


def has_our_keys(table: TableDescriptionTypeDef) -> bool:
    """Whether the table's keys are system A's. They can never be changed."""
    return _schema(table.get("KeySchema", [])) == _schema(KEYS)


def due_index(table: TableDescriptionTypeDef) -> GlobalSecondaryIndexDescriptionTypeDef | None:
    """The table's index of due rows; None if it has none."""
    indexes = {index.get("IndexName"): index for index in table.get("GlobalSecondaryIndexes", [])}
    return indexes.get(DUE_INDEX)


def _schema(keys: Sequence[KeySchemaElementTypeDef]) -> list[tuple[str, str]]:
    return [(key["AttributeName"], key["KeyType"]) for key in keys]

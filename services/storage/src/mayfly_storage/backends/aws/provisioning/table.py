"""The table: made if it is missing, with its indexes, its TTL and its tags. Nothing is ever taken from it."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Final

from mayfly_storage.backends.aws.provisioning.changes import altered, by_hand, made
from mayfly_storage.backends.aws.provisioning.tags import TAGS, with_ours
from mayfly_storage.backends.aws.schema import INDEXES, KEYS, TTL_ATTRIBUTE, definitions, has_our_keys, index_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import (
        GlobalSecondaryIndexTypeDef,
        TableDescriptionTypeDef,
        WaiterConfigTypeDef,
    )

    from mayfly_storage.backends.aws.options import AwsOptions
    from mayfly_storage.backends.aws.provisioning.changes import Step

_WAIT: Final[WaiterConfigTypeDef] = {"Delay": 2, "MaxAttempts": 60}
"""For a table to become usable: two minutes at most."""
TTL_ON: Final = frozenset({"ENABLED", "ENABLING"})


def table_steps(dynamodb: DynamoDBClient, options: AwsOptions) -> Iterator[Step]:
    """What is missing. Read step by step, so that each sees what those before it have done."""
    name = options.table
    table = _described(dynamodb, name)
    if table is not None and not has_our_keys(table):
        yield by_hand(
            f"table {name} has other keys than {', '.join(key['AttributeName'] for key in KEYS)}",
            "Keys cannot be changed. Name another table in MAYFLY_STORAGE_TABLE.",
        )
        return
    if table is None:
        indexes = " and ".join(index["IndexName"] for index in INDEXES)
        yield made(f"table {name}, on demand, with the indexes {indexes}", partial(_make, dynamodb, name))
    else:
        yield from _index_steps(dynamodb, name, table)
    attribute = _ttl_attribute(dynamodb, name)
    if not attribute:
        yield made(f"table {name}: TTL by the attribute {TTL_ATTRIBUTE}", partial(_switch_on_ttl, dynamodb, name))
    elif attribute != TTL_ATTRIBUTE:
        yield by_hand(
            f"table {name}: TTL goes by the attribute {attribute}",
            f"Rows end by {TTL_ATTRIBUTE}. Switch the TTL off, wait an hour as DynamoDB asks, and provision again.",
        )


def _index_steps(dynamodb: DynamoDBClient, name: str, table: TableDescriptionTypeDef) -> Iterator[Step]:
    """The indexes that are missing, one after the other: DynamoDB makes one at a time, from the rows that there are."""
    for wanted in INDEXES:
        index = wanted["IndexName"]
        if index_of(table, index) is None:
            yield made(f"table {name}: index {index}", partial(_make_index, dynamodb, name, wanted))
        if (described := _described(dynamodb, name)) and _is_filling(described, index):
            yield by_hand(
                f"table {name}: index {index} is being filled",
                "Storage starts when it is done; a large table takes its time. Then provision again.",
            )
            return


def table_details(dynamodb: DynamoDBClient, options: AwsOptions) -> Iterator[Step]:
    """What storage can do without: tags, and a word about backups."""
    table = _described(dynamodb, options.table)
    there = [] if table is None else dynamodb.list_tags_of_resource(ResourceArn=table["TableArn"])["Tags"]
    now = {"Tags": sorted(there, key=lambda tag: tag["Key"])} if there else {}
    if (wanted := {"Tags": with_ours(there)}) != now:
        yield altered(f"table {options.table}: tags", dict(now), dict(wanted), partial(_tag, dynamodb, options.table))
    if table is not None and keeps_backups(dynamodb, options.table):
        yield by_hand(
            f"table {options.table}: point-in-time recovery is on",
            "Rows live on in its backups for up to 35 days after they were deleted. Switching it off cannot be undone:",
            f"aws dynamodb update-continuous-backups --table-name {options.table} "
            "--point-in-time-recovery-specification PointInTimeRecoveryEnabled=false",
        )


def keeps_backups(dynamodb: DynamoDBClient, name: str) -> bool:
    """Whether point-in-time recovery is on."""
    answer = dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    return answer.get("PointInTimeRecoveryDescription", {}).get("PointInTimeRecoveryStatus") == "ENABLED"


def _described(dynamodb: DynamoDBClient, name: str) -> TableDescriptionTypeDef | None:
    try:
        return dynamodb.describe_table(TableName=name)["Table"]
    except dynamodb.exceptions.ResourceNotFoundException:
        return None


def _make(dynamodb: DynamoDBClient, name: str) -> None:
    dynamodb.create_table(
        TableName=name,
        KeySchema=KEYS,
        AttributeDefinitions=definitions(KEYS, *(index["KeySchema"] for index in INDEXES)),
        GlobalSecondaryIndexes=INDEXES,
        BillingMode="PAY_PER_REQUEST",
    )
    _wait(dynamodb, name)


def _make_index(dynamodb: DynamoDBClient, name: str, index: GlobalSecondaryIndexTypeDef) -> None:
    there = dynamodb.describe_table(TableName=name)["Table"].get("GlobalSecondaryIndexes", [])
    used = [each["KeySchema"] for each in there if "KeySchema" in each]
    dynamodb.update_table(
        TableName=name,
        AttributeDefinitions=definitions(KEYS, *used, index["KeySchema"]),
        GlobalSecondaryIndexUpdates=[{"Create": index}],
    )
    _wait(dynamodb, name)
    _wait_until_filled(dynamodb, name, index["IndexName"])


def _wait_until_filled(dynamodb: DynamoDBClient, name: str, index: str) -> None:
    """Wait as long as for a table; an index of more than some thousand rows takes longer, and is told of then."""
    for _ in range(_WAIT["MaxAttempts"]):
        if not _is_filling(dynamodb.describe_table(TableName=name)["Table"], index):
            return
        time.sleep(_WAIT["Delay"])


def _is_filling(table: TableDescriptionTypeDef, index: str) -> bool:
    there = index_of(table, index)
    return there is not None and there.get("IndexStatus") == "CREATING"


def _wait(dynamodb: DynamoDBClient, name: str) -> None:
    dynamodb.get_waiter("table_exists").wait(TableName=name, WaiterConfig=_WAIT)


def _ttl_attribute(dynamodb: DynamoDBClient, name: str) -> str:
    """What the TTL goes by; empty: it is off."""
    if _described(dynamodb, name) is None:  # in a dry run
        return ""
    there = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    return there.get("AttributeName", "") if there.get("TimeToLiveStatus") in TTL_ON else ""


def _switch_on_ttl(dynamodb: DynamoDBClient, name: str) -> None:
    dynamodb.update_time_to_live(
        TableName=name, TimeToLiveSpecification={"Enabled": True, "AttributeName": TTL_ATTRIBUTE}
    )


def _tag(dynamodb: DynamoDBClient, name: str) -> None:
    arn = dynamodb.describe_table(TableName=name)["Table"]["TableArn"]
    dynamodb.tag_resource(ResourceArn=arn, Tags=[{"Key": key, "Value": value} for key, value in TAGS.items()])

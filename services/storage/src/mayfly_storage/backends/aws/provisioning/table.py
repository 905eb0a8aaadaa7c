"""The table: made if it is missing, with its index, its TTL and its tags. Nothing is ever taken from it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from mayfly_storage.backends.aws.provisioning.changes import altered, by_hand, made
from mayfly_storage.backends.aws.provisioning.tags import TAGS, with_ours
from mayfly_storage.backends.aws.schema import ATTRIBUTES, INDEX, KEYS, TTL_ATTRIBUTE, due_index

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TableDescriptionTypeDef, WaiterConfigTypeDef

    from mayfly_storage.backends.aws.options import AwsOptions
    from mayfly_storage.backends.aws.provisioning.changes import Step

_WAIT: Final[WaiterConfigTypeDef] = {"Delay": 2, "MaxAttempts": 60}
"""For a table to become usable: two minutes at most."""
TTL_ON: Final = frozenset({"ENABLED", "ENABLING"})


def table_steps(dynamodb: DynamoDBClient, options: AwsOptions) -> Iterator[Step]:
    """What is missing. Read step by step, so that each sees what those before it have done."""
    name = options.table
    table = _described(dynamodb, name)
    if table is None:
        yield made(f"table {name}, on demand, with the index {INDEX['IndexName']}", partial(_make, dynamodb, name))
    elif due_index(table) is None:
        yield made(f"table {name}: index {INDEX['IndexName']}", partial(_make_index, dynamodb, name))
    if not _has_ttl(dynamodb, name):
        yield made(f"table {name}: TTL by the attribute {TTL_ATTRIBUTE}", partial(_switch_on_ttl, dynamodb, name))


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
        AttributeDefinitions=ATTRIBUTES,
        GlobalSecondaryIndexes=[INDEX],
        BillingMode="PAY_PER_REQUEST",
    )
    _wait(dynamodb, name)


def _make_index(dynamodb: DynamoDBClient, name: str) -> None:
    dynamodb.update_table(
        TableName=name, AttributeDefinitions=ATTRIBUTES, GlobalSecondaryIndexUpdates=[{"Create": INDEX}]
    )
    _wait(dynamodb, name)


def _wait(dynamodb: DynamoDBClient, name: str) -> None:
    dynamodb.get_waiter("table_exists").wait(TableName=name, WaiterConfig=_WAIT)


def _has_ttl(dynamodb: DynamoDBClient, name: str) -> bool:
    if _described(dynamodb, name) is None:  # in a dry run
        return False
    there = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    return there.get("TimeToLiveStatus") in TTL_ON


def _switch_on_ttl(dynamodb: DynamoDBClient, name: str) -> None:
    dynamodb.update_time_to_live(
        TableName=name, TimeToLiveSpecification={"Enabled": True, "AttributeName": TTL_ATTRIBUTE}
    )


def _tag(dynamodb: DynamoDBClient, name: str) -> None:
    arn = dynamodb.describe_table(TableName=name)["Table"]["TableArn"]
    dynamodb.tag_resource(ResourceArn=arn, Tags=[{"Key": key, "Value": value} for key, value in TAGS.items()])

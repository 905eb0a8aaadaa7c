"""Makes the bucket and the table where they are missing, and closes the bucket to the public. Idempotent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from mayfly_storage.backends.aws.clients import DYNAMODB, S3, Clients, make_clients
from mayfly_storage.backends.aws.errors import code_of, domain_errors
from mayfly_storage.backends.aws.schema import ATTRIBUTES, INDEX, KEYS, TTL_ATTRIBUTE, due_index

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_dynamodb.type_defs import TableDescriptionTypeDef, WaiterConfigTypeDef
    from mypy_boto3_s3.type_defs import CreateBucketRequestTypeDef, PublicAccessBlockConfigurationTypeDef

    from mayfly_storage.backends.aws.options import AwsOptions

_WAIT: Final[WaiterConfigTypeDef] = {"Delay": 2, "MaxAttempts": 60}
"""For a table to become usable: two minutes at most."""
_NAMELESS: Final = "us-east-1"
"""The one region whose name CreateBucket refuses to hear."""
_NOT_PUBLIC: Final[PublicAccessBlockConfigurationTypeDef] = {
    "BlockPublicAcls": True,
    "IgnorePublicAcls": True,
    "BlockPublicPolicy": True,
    "RestrictPublicBuckets": True,
}
_UNKNOWN: Final = frozenset({"MalformedXML", "MethodNotAllowed", "NotImplemented", "UnsupportedOperation"})


def provision(options: AwsOptions) -> list[str]:
    """Make what is missing. Blocks.

    Returns:
        What was made, a line for each; nothing if all was there.

    Raises:
        BackendUnavailableError: If a service does not answer.
        BackendMisconfiguredError: If it refuses.
    """
    clients = make_clients(options)
    try:
        return ensure_bucket_and_table(clients, options)
    finally:
        clients.close()


def ensure_bucket_and_table(clients: Clients, options: AwsOptions) -> list[str]:
    """`provision` with clients that are open already."""
    with domain_errors(S3):
        made = list(_ensure_bucket(clients, options))
    with domain_errors(DYNAMODB):
        return made + list(_ensure_table(clients, options))


def _ensure_bucket(clients: Clients, options: AwsOptions) -> Iterator[str]:
    if not _bucket_exists(clients, options):
        yield from _make_bucket(clients, options)
    yield from _ensure_privacy(clients, options)


def _make_bucket(clients: Clients, options: AwsOptions) -> Iterator[str]:
    request: CreateBucketRequestTypeDef = {"Bucket": options.bucket}
    if options.region != _NAMELESS:
        request["CreateBucketConfiguration"] = {"LocationConstraint": options.region}  # type: ignore[typeddict-item]  # any region that there is or will be
    clients.s3.create_bucket(**request)
    yield f"made bucket {options.bucket} in {options.region}"


def _ensure_privacy(clients: Clients, options: AwsOptions) -> Iterator[str]:
    try:
        there = clients.s3.get_public_access_block(Bucket=options.bucket)["PublicAccessBlockConfiguration"]
    except ClientError as error:
        if code_of(error) in _UNKNOWN:  # not everything that speaks like S3 knows of it
            return
        if code_of(error) != "NoSuchPublicAccessBlockConfiguration":
            raise
        there = {}
    if there == _NOT_PUBLIC:
        return
    clients.s3.put_public_access_block(Bucket=options.bucket, PublicAccessBlockConfiguration=_NOT_PUBLIC)
    yield f"blocked public access to bucket {options.bucket}"


def _bucket_exists(clients: Clients, options: AwsOptions) -> bool:
    try:
        clients.s3.head_bucket(Bucket=options.bucket)
    except ClientError as error:
        if code_of(error) == "404":
            return False
        raise
    return True


def _ensure_table(clients: Clients, options: AwsOptions) -> Iterator[str]:
    table = _table(clients, options)
    if table is None:
        clients.dynamodb.create_table(
            TableName=options.table,
            KeySchema=KEYS,
            AttributeDefinitions=ATTRIBUTES,
            GlobalSecondaryIndexes=[INDEX],
            BillingMode="PAY_PER_REQUEST",
        )
        yield f"made table {options.table}"
    elif due_index(table) is None:
        clients.dynamodb.update_table(
            TableName=options.table,
            AttributeDefinitions=ATTRIBUTES,
            GlobalSecondaryIndexUpdates=[{"Create": INDEX}],
        )
        yield f"made index {INDEX['IndexName']} of table {options.table}"
    clients.dynamodb.get_waiter("table_exists").wait(TableName=options.table, WaiterConfig=_WAIT)
    yield from _ensure_ttl(clients, options)


def _table(clients: Clients, options: AwsOptions) -> TableDescriptionTypeDef | None:
    try:
        return clients.dynamodb.describe_table(TableName=options.table)["Table"]
    except clients.dynamodb.exceptions.ResourceNotFoundException:
        return None


def _ensure_ttl(clients: Clients, options: AwsOptions) -> Iterator[str]:
    there = clients.dynamodb.describe_time_to_live(TableName=options.table)["TimeToLiveDescription"]
    if there.get("TimeToLiveStatus") in {"ENABLED", "ENABLING"}:
        return
    clients.dynamodb.update_time_to_live(
        TableName=options.table, TimeToLiveSpecification={"Enabled": True, "AttributeName": TTL_ATTRIBUTE}
    )
    yield f"switched on the TTL of table {options.table} by its attribute {TTL_ATTRIBUTE}"

"""The least that storage's role must be allowed, as an IAM policy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mayfly_storage.backends.aws.provisioning.arns import bucket_arn, key_arn, table_arn
from mayfly_storage.backends.aws.provisioning.bucket_policy import VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mayfly_storage.backends.aws.options import AwsOptions
    from mayfly_storage.backends.aws.provisioning.wishes import Wishes

OBJECTS: Final = (
    "s3:AbortMultipartUpload",
    "s3:DeleteObject",
    "s3:GetObject",
    "s3:ListMultipartUploadParts",
    "s3:PutObject",
)
ROWS: Final = (
    "dynamodb:BatchGetItem",
    "dynamodb:ConditionCheckItem",
    "dynamodb:DeleteItem",
    "dynamodb:DescribeTable",
    "dynamodb:GetItem",
    "dynamodb:PutItem",
    "dynamodb:Query",
    "dynamodb:Scan",  # GetUsage counts all rows
    "dynamodb:UpdateItem",
)
BUCKET_SETTINGS: Final = (
    "s3:GetAccelerateConfiguration",
    "s3:GetBucketCORS",
    "s3:GetBucketLogging",
    "s3:GetBucketObjectLockConfiguration",
    "s3:GetBucketPolicy",
    "s3:GetBucketPublicAccessBlock",
    "s3:GetBucketTagging",
    "s3:GetBucketVersioning",
    "s3:GetEncryptionConfiguration",
    "s3:GetLifecycleConfiguration",
    "s3:GetReplicationConfiguration",
    "s3:ListBucketVersions",
)
TABLE_SETTINGS: Final = (
    "dynamodb:DescribeContinuousBackups",
    "dynamodb:DescribeTimeToLive",
    "dynamodb:ListTagsOfResource",
)


def role_policy(options: AwsOptions, wishes: Wishes) -> dict[str, Any]:
    """What storage does and reads back, and nothing that would change a setting."""
    return {"Version": VERSION, "Statement": list(_statements(options, wishes))}


def _statements(options: AwsOptions, wishes: Wishes) -> Iterator[dict[str, Any]]:
    bucket, table = bucket_arn(options), table_arn(options)
    prefixes = wishes.collections.prefixes
    yield _allow("Objects", OBJECTS, [f"{bucket}/{prefix}*" for prefix in prefixes])
    # IfExists: HeadBucket, and the 404 for an object that is not there, ask for this right without naming a prefix.
    # Without the 404, nothing could be shown to be gone.
    folders = sorted({prefix.partition("/")[0] + "/*" for prefix in prefixes})
    listing = _allow("Listing", ("s3:ListBucket",), [bucket])
    yield {**listing, "Condition": {"StringLikeIfExists": {"s3:prefix": folders}}}
    # Uploads in parts are listed by key; S3 has no condition on the prefix for that.
    yield _allow("Uploads", ("s3:ListBucketMultipartUploads",), [bucket])
    yield _allow("Rows", ROWS, [table, f"{table}/index/*"])
    # For the strict start, and for `mayfly-storage doctor`.
    yield _allow("BucketSettings", BUCKET_SETTINGS, [bucket])
    yield _allow("TableSettings", TABLE_SETTINGS, [table])
    if options.encryption == "aws:kms":
        yield _allow("Keys", ("kms:Decrypt", "kms:GenerateDataKey"), [key_arn(options)])


def _allow(sid: str, actions: Sequence[str], resources: Sequence[str]) -> dict[str, Any]:
    return {"Sid": sid, "Effect": "Allow", "Action": list(actions), "Resource": list(resources)}

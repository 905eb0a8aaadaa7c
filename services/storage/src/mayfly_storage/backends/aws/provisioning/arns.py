"""Names of resources as policies write them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mayfly_storage.backends.aws.options import AwsOptions


def partition(region: str) -> str:
    """Most of the world is `aws`; China and the US government have worlds of their own."""
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"


def bucket_arn(options: AwsOptions) -> str:
    """Of the bucket."""
    return f"arn:{partition(options.region)}:s3:::{options.bucket}"


def table_arn(options: AwsOptions) -> str:
    """Of the table, in whatever account it is."""
    return f"arn:{partition(options.region)}:dynamodb:{options.region}:*:table/{options.table}"


def key_arn(options: AwsOptions) -> str:
    """Of the KMS key, which may be named by its ARN already."""
    key = options.kms_key_id or "*"
    return key if key.startswith("arn:") else f"arn:{partition(options.region)}:kms:{options.region}:*:key/{key}"

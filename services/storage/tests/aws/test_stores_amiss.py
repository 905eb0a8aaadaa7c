"""What somebody did to bucket or table: the examination finds it, and knows a remedy."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from mayfly_storage.domain.findings import Verdict
from mayfly_storage.testing.examining import examined

if TYPE_CHECKING:
    from collections.abc import Callable

    import boto3

    from mayfly_storage.backends.aws.clients import Clients
    from mayfly_storage.backends.aws.options import AwsOptions

    Breaker = Callable[[Clients, str], object]


def keep_versions(raw: Clients, bucket: str) -> None:
    raw.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})


def keep_old_versions(raw: Clients, bucket: str) -> None:
    keep_versions(raw, bucket)
    raw.s3.put_object(Bucket=bucket, Key="temp-audio/before", Body=b"-")
    raw.s3.delete_object(Bucket=bucket, Key="temp-audio/before")
    raw.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})


def replicate(raw: Clients, bucket: str) -> None:
    keep_versions(raw, bucket)
    other = f"{bucket}-copy"
    raw.s3.create_bucket(Bucket=other, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    keep_versions(raw, other)
    rule: Any = {"ID": "copy", "Status": "Enabled", "Prefix": "", "Destination": {"Bucket": f"arn:aws:s3:::{other}"}}
    raw.s3.put_bucket_replication(
        Bucket=bucket, ReplicationConfiguration={"Role": "arn:aws:iam::123456789012:role/copy", "Rules": [rule]}
    )


def open_to_the_public(raw: Clients, bucket: str) -> None:
    raw.s3.delete_public_access_block(Bucket=bucket)


def forget_encryption(raw: Clients, bucket: str) -> None:
    raw.s3.delete_bucket_encryption(Bucket=bucket)


def weaken_policy(raw: Clients, bucket: str) -> None:
    policy = json.loads(raw.s3.get_bucket_policy(Bucket=bucket)["Policy"])
    policy["Statement"][0]["Condition"] = {"StringNotEquals": {"s3:signatureversion": "AWS"}}
    raw.s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))


def forget_lifecycle(raw: Clients, bucket: str) -> None:
    raw.s3.delete_bucket_lifecycle(Bucket=bucket)


def forget_cors(raw: Clients, bucket: str) -> None:
    raw.s3.delete_bucket_cors(Bucket=bucket)


def forget_ttl(raw: Clients, table: str) -> None:
    raw.dynamodb.update_time_to_live(
        TableName=table, TimeToLiveSpecification={"Enabled": False, "AttributeName": "ttl"}
    )


def keep_backups(raw: Clients, table: str) -> None:
    raw.dynamodb.update_continuous_backups(
        TableName=table, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )


def forget_index(raw: Clients, table: str) -> None:
    raw.dynamodb.update_table(TableName=table, GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": "due"}}])


def forget_index_of_owners(raw: Clients, table: str) -> None:
    raw.dynamodb.update_table(TableName=table, GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": "owner"}}])


def lose_table(raw: Clients, table: str) -> None:
    raw.dynamodb.delete_table(TableName=table)


@pytest.mark.parametrize(
    ("check", "breaker", "complaint", "remedy"),
    [
        ("versioning", keep_versions, "Enabled: what is deleted lives on", "bucket of its own"),
        ("versioning", keep_old_versions, "versions from before are still there", "NoncurrentVersionExpiration"),
        ("replication", replicate, "1 rules copy objects", "delete-bucket-replication"),
        ("public access", open_to_the_public, "not set", "provision"),
        ("encryption", forget_encryption, "not set", "provision"),
        ("bucket policy", weaken_policy, "differs in 2 lines", "provision"),
        ("lifecycle", forget_lifecycle, "not set", "provision"),
        ("cors", forget_cors, "not set", "provision"),
        ("table", forget_index, "has no index due", "provision"),
        ("table", forget_index_of_owners, "has no index owner by owner and date", "provision"),
        ("table", lose_table, "there is no table", "provision"),
        ("ttl", forget_ttl, "off", "provision"),
        ("backups", keep_backups, "35 days", "Switch it off"),
    ],
)
async def test_what_is_amiss_is_found_and_has_a_remedy(  # noqa: PLR0917 - what a table of cases needs
    options: AwsOptions,
    session: boto3.Session,
    provisioned: Clients,
    check: str,
    breaker: Breaker,
    complaint: str,
    remedy: str,
) -> None:
    breaker(provisioned, options.bucket)  # the table has the same name

    finding = (await examined(options, session, check))[check]

    assert finding.verdict is Verdict.FAILED
    assert complaint in finding.detail
    assert remedy in finding.remedy


async def test_a_bucket_with_object_lock_is_found(options: AwsOptions, session: boto3.Session, raw: Clients) -> None:
    raw.s3.create_bucket(
        Bucket=options.bucket,
        ObjectLockEnabledForBucket=True,
        CreateBucketConfiguration={"LocationConstraint": "eu-central-1"},
    )

    finding = (await examined(options, session, "object lock"))["object lock"]

    assert (finding.verdict, "refuse to be deleted" in finding.detail) == (Verdict.FAILED, True)


async def test_versioning_that_was_suspended_in_time_is_worth_a_word(
    options: AwsOptions, session: boto3.Session, provisioned: Clients
) -> None:
    provisioned.s3.put_bucket_versioning(Bucket=options.bucket, VersioningConfiguration={"Status": "Suspended"})
    provisioned.s3.put_object(Bucket=options.bucket, Key="temp-audio/new", Body=b"-")

    assert (await examined(options, session, "versioning"))["versioning"].verdict is Verdict.WARNING


async def test_a_bucket_of_another_region_is_found(
    options: AwsOptions, session: boto3.Session, provisioned: Clients
) -> None:
    elsewhere = replace(options, region="eu-west-1")

    finding = (await examined(elsewhere, session, "region"))["region"]

    assert (finding.verdict, finding.remedy) == (Verdict.FAILED, "Set MAYFLY_STORAGE_REGION=eu-central-1.")

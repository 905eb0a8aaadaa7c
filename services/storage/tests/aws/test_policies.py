"""The two policies, read as JSON: nobody here enforces them, so that their words have to be right."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore import xform_name

from mayfly_storage.backends.aws import backend
from mayfly_storage.backends.aws.doctor.examination import AwsExamination
from mayfly_storage.backends.aws.options import AwsOptions
from mayfly_storage.backends.aws.provision import changes
from mayfly_storage.backends.aws.provisioning.bucket_policy import bucket_policy, statements
from mayfly_storage.backends.aws.provisioning.lifecycle import expiry_rules
from mayfly_storage.backends.aws.provisioning.role_policy import role_policy
from mayfly_storage.backends.aws.provisioning.wishes import Wishes
from mayfly_storage.backends.aws.testing import EMULATED
from mayfly_storage.collections_file import read_collections
from mayfly_storage.domain.collections import Collections
from mayfly_storage.domain.findings import Verdict
from mayfly_storage.domain.timing import Timing

if TYPE_CHECKING:
    from collections.abc import Iterable

    import boto3

    from mayfly_storage.backends.aws.clients import Clients
    from mayfly_storage.backends.aws.testing import Wire

AWS = AwsOptions(bucket="my-audio", region="eu-central-1", table="rows")
ROLE = "arn:aws:iam::123456789012:role/storage"


def wishes(rows: str | None = None, **overrides: Any) -> Wishes:
    known = read_collections() if rows is None else Collections.from_table(json.loads(rows))
    return Wishes(collections=known, **overrides)


def row(prefix: str, lifetime: int | None) -> dict[str, Any]:
    facts = {"keys": [f"{prefix}{{audio_id}}.{{ext}}"], "url_lifetime_seconds": 60, "max_size_bytes": 9}
    life = {} if lifetime is None else {"lifetime_seconds": lifetime}
    return {**facts, **life, "content_types": ["audio/wav"]}


def by_sid(policy: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {each["Sid"]: each for each in policy}


def test_the_bucket_refuses_plaintext_old_signatures_and_links_that_live_too_long() -> None:
    denied = by_sid(statements(AWS, wishes()))

    assert set(denied) == {"DenyInsecureConnections", "DenyOldSignatureVersions", "DenyLinksThatLiveTooLong"}
    for statement in denied.values():
        assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "s3:*")
        assert statement["Resource"] == ["arn:aws:s3:::my-audio", "arn:aws:s3:::my-audio/*"]
    assert denied["DenyInsecureConnections"]["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert denied["DenyOldSignatureVersions"]["Condition"] == {
        "StringNotEquals": {"s3:signatureversion": "AWS4-HMAC-SHA256"}
    }


@pytest.mark.parametrize(("lifetime", "milliseconds"), [(3_600, "3600000"), (10**7, "604800000"), (None, "604800000")])
def test_no_link_may_be_older_than_the_audio_it_leads_to_or_a_week(lifetime: int | None, milliseconds: str) -> None:
    own = wishes(json.dumps({"one": row("one/", lifetime), "short": row("short/", 60)}))

    denied = by_sid(statements(AWS, own))

    age = denied["DenyLinksThatLiveTooLong"]["Condition"]["NumericGreaterThan"]["s3:signatureAge"]
    assert age == milliseconds


def test_objects_can_be_locked_to_one_role_and_the_bucket_itself_stays_mendable() -> None:
    locked = by_sid(statements(AWS, wishes(principals=(ROLE,))))["DenyOtherPrincipals"]

    assert locked["Condition"] == {"ArnNotLike": {"aws:PrincipalArn": [ROLE]}}
    assert locked["Resource"] == "arn:aws:s3:::my-audio/*"


def test_a_distribution_may_read_and_is_no_stranger() -> None:
    arn = "arn:aws:cloudfront::123456789012:distribution/EDFDVBD6EXAMPLE"

    made = by_sid(statements(AWS, wishes(principals=(ROLE,), distribution=arn)))

    assert made["AllowDelivery"] == {
        "Sid": "AllowDelivery",
        "Effect": "Allow",
        "Principal": {"Service": "cloudfront.amazonaws.com"},
        "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::my-audio/*",
        "Condition": {"StringEquals": {"aws:SourceArn": arn}},
    }
    assert made["DenyOtherPrincipals"]["Condition"]["ArnNotLike"]["aws:SourceArn"] == arn
    assert "AllowDelivery" not in by_sid(statements(AWS, wishes()))


def test_an_emulator_without_tls_is_not_locked_out() -> None:
    plain = replace(AWS, s3_endpoint_url="http://127.0.0.1:5000")

    assert "DenyInsecureConnections" not in by_sid(statements(plain, wishes()))


def test_a_policy_that_s3_answers_in_other_words_is_the_same_policy() -> None:
    aspect = bucket_policy(AWS, wishes(principals=(ROLE,)))
    answered = aspect.want([])
    for statement in answered:
        statement["Principal"] = {"AWS": "*"}
        if isinstance(statement["Resource"], list):
            statement["Resource"] = statement["Resource"][::-1]
    answered[-1]["Condition"] = {"ArnNotLike": {"aws:PrincipalArn": ROLE}}

    assert aspect.want(answered) == answered


def test_storage_s_role_may_touch_its_folders_and_its_table_and_change_no_setting() -> None:
    policy = role_policy(AWS, wishes())
    allowed = by_sid(policy["Statement"])

    assert policy["Version"] == "2012-10-17"
    assert {each["Effect"] for each in allowed.values()} == {"Allow"}
    assert allowed["Objects"]["Action"] == [
        "s3:AbortMultipartUpload",
        "s3:DeleteObject",
        "s3:GetObject",
        "s3:ListMultipartUploadParts",
        "s3:PutObject",
    ]
    assert "arn:aws:s3:::my-audio/temp-audio/*" in allowed["Objects"]["Resource"]
    assert "arn:aws:s3:::my-audio/*" not in allowed["Objects"]["Resource"]
    assert allowed["Rows"]["Resource"] == [
        "arn:aws:dynamodb:eu-central-1:*:table/rows",
        "arn:aws:dynamodb:eu-central-1:*:table/rows/index/*",
    ]
    actions = [action for each in allowed.values() for action in each["Action"]]
    assert not [each for each in actions if "*" in each or each.startswith(("s3:PutBucket", "s3:DeleteBucket"))]


def test_listing_is_allowed_by_folder_and_a_missing_object_can_still_be_told_from_a_refused_one() -> None:
    listing = by_sid(role_policy(AWS, wishes())["Statement"])["Listing"]

    assert (listing["Action"], listing["Resource"]) == (["s3:ListBucket"], ["arn:aws:s3:::my-audio"])
    folders = ["audio/*", "debug/*", "pitches/*", "processed-audio/*", "temp-audio/*", "users/*"]
    assert listing["Condition"] == {"StringLikeIfExists": {"s3:prefix": folders}}


@pytest.mark.parametrize(
    ("key", "arn"),
    [
        ("1234", "arn:aws:kms:eu-central-1:*:key/1234"),
        ("arn:aws:kms:eu-central-1:1:key/x", "arn:aws:kms:eu-central-1:1:key/x"),
    ],
)
def test_a_key_of_one_s_own_is_allowed_as_well(key: str, arn: str) -> None:
    keys = by_sid(role_policy(replace(AWS, encryption="aws:kms", kms_key_id=key), wishes())["Statement"])["Keys"]

    assert (keys["Action"], keys["Resource"]) == (["kms:Decrypt", "kms:GenerateDataKey"], [arn])


@pytest.mark.parametrize(("region", "world"), [("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")])
def test_other_worlds_have_other_names(region: str, world: str) -> None:
    [objects, *_] = role_policy(replace(AWS, region=region), wishes())["Statement"]

    assert objects["Resource"][0].startswith(f"arn:{world}:s3:::my-audio/")


def test_no_rule_deletes_what_is_kept_or_lives_longer() -> None:
    rows = {
        "clips": row("users/tmp/", 3_600),
        "kept": row("users/", None),
        "short": row("mixed/", 60),
        "long": row("mixed/long/", 3 * 86_400 + 1),
    }

    rules = {rule["Filter"]["Prefix"]: rule["Expiration"]["Days"] for rule in expiry_rules(wishes(json.dumps(rows)))}

    assert rules == {"mixed/": 5, "mixed/long/": 5}
    assert wishes(json.dumps(rows)).life_under("mixed/") == timedelta(days=3, seconds=1)


ACTIONS = {
    "HeadBucket": "s3:ListBucket",
    "DeleteObject": "s3:DeleteObject",
    "HeadObject": "s3:GetObject",
    "GetObject": "s3:GetObject",
    "PutObject": "s3:PutObject",
    "DeleteObjects": "s3:DeleteObject",
    "UploadPart": "s3:PutObject",
    "CreateMultipartUpload": "s3:PutObject",
    "CompleteMultipartUpload": "s3:PutObject",
    "AbortMultipartUpload": "s3:AbortMultipartUpload",
    "ListParts": "s3:ListMultipartUploadParts",
    "ListMultipartUploads": "s3:ListBucketMultipartUploads",
    "ListObjectsV2": "s3:ListBucket",
    "ListObjectVersions": "s3:ListBucketVersions",
    "GetBucketVersioning": "s3:GetBucketVersioning",
    "GetObjectLockConfiguration": "s3:GetBucketObjectLockConfiguration",
    "GetBucketReplication": "s3:GetReplicationConfiguration",
    "GetPublicAccessBlock": "s3:GetBucketPublicAccessBlock",
    "GetBucketEncryption": "s3:GetEncryptionConfiguration",
    "GetBucketPolicy": "s3:GetBucketPolicy",
    "GetBucketLifecycleConfiguration": "s3:GetLifecycleConfiguration",
    "GetBucketCors": "s3:GetBucketCORS",
    "DescribeTable": "dynamodb:DescribeTable",
    "DescribeTimeToLive": "dynamodb:DescribeTimeToLive",
    "DescribeContinuousBackups": "dynamodb:DescribeContinuousBackups",
    "GetItem": "dynamodb:GetItem",
    "BatchGetItem": "dynamodb:BatchGetItem",
    "PutItem": "dynamodb:PutItem",
    "UpdateItem": "dynamodb:UpdateItem",
    "DeleteItem": "dynamodb:DeleteItem",
    "Query": "dynamodb:Query",
    "Scan": "dynamodb:Scan",
    "TransactWriteItems": "dynamodb:PutItem dynamodb:UpdateItem dynamodb:DeleteItem dynamodb:ConditionCheckItem",
}
"""What IAM calls the operations that storage sends."""


def allowed_to(options: AwsOptions) -> set[str]:
    return {action for each in role_policy(options, wishes())["Statement"] for action in each["Action"]}


def actions_of(operations: Iterable[str]) -> set[str]:
    return {action for name in operations for action in ACTIONS[name].split()}


def test_every_call_in_the_backend_s_source_is_allowed(raw: Clients) -> None:
    sources = [each for each in Path(backend.__file__).parent.glob("*.py") if each.stem not in {"provision", "testing"}]
    words = {word for each in sources for word in re.findall(r"(?:client|s3)\.(\w+)", each.read_text())}
    models = (raw.s3.meta.service_model, raw.dynamodb.meta.service_model)
    methods = {xform_name(name): name for model in models for name in model.operation_names}

    called = {methods[word] for word in words & set(methods)}

    assert called > {"HeadObject", "TransactWriteItems", "GetBucketVersioning"}
    assert actions_of(called) <= allowed_to(AWS)


async def test_every_request_of_an_examination_is_allowed(
    options: AwsOptions, session: boto3.Session, wire: Wire, raw: Clients
) -> None:
    list(changes(raw, options, wishes()))
    examination = AwsExamination(
        options=replace(options, features=EMULATED),
        wishes=wishes(),
        timing=Timing(),
        now=lambda: datetime.now(UTC),
        session=session,
    )

    findings = [finding async for finding in examination()]

    assert {each.verdict for each in findings} == {Verdict.OK}
    assert actions_of(wire.counts) <= allowed_to(options)

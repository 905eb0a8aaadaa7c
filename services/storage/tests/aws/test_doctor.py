"""The examination of bucket and table: each check with a store that is well, and with one that is not.

What moto does not know is put in its mouth: missing rights, and stores that lack a feature. It enforces no rights, no
conditions of policies, no CORS and no lifecycle rule, so that only their words are checked.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import boto3
import botocore.session
import pytest
from botocore.credentials import RefreshableCredentials

from mayfly_storage.backends.aws.doctor.examination import CHECKS, AwsExamination
from mayfly_storage.backends.aws.provision import changes, ensure_bucket_and_table
from mayfly_storage.backends.aws.provisioning.wishes import Wishes
from mayfly_storage.backends.aws.testing import EMULATED, emulated_session
from mayfly_storage.collections_file import read_collections
from mayfly_storage.domain.findings import Finding, Verdict
from mayfly_storage.domain.timing import Timing

if TYPE_CHECKING:
    from collections.abc import Callable

    from mayfly_storage.backends.aws.clients import Clients
    from mayfly_storage.backends.aws.options import AwsOptions
    from mayfly_storage.backends.aws.testing import Wire

    Breaker = Callable[[Clients, str], object]

WISHES = Wishes(collections=read_collections(), cors_origins=("https://app.example.com",))


def now() -> datetime:
    """The emulator's own clock; a fake one stands still meanwhile."""
    return datetime.now(UTC)


@pytest.fixture
def provisioned(raw: Clients, options: AwsOptions) -> Clients:
    list(changes(raw, options, WISHES))
    return raw


async def examined(
    options: AwsOptions, session: boto3.Session, *names: str, clock: Callable[[], datetime] = now
) -> dict[str, Finding]:
    """Findings by check: of the named checks, or of all."""
    checks = tuple(replace(check, needs=()) if names else check for check in CHECKS if check.name in (names or NAMES))
    examination = AwsExamination(
        options=options, wishes=WISHES, timing=Timing(), now=clock, session=session, checks=checks
    )
    return {finding.check: finding async for finding in examination()}


NAMES = tuple(check.name for check in CHECKS)


async def test_a_provisioned_store_is_well(options: AwsOptions, session: boto3.Session, provisioned: Clients) -> None:
    findings = await examined(replace(options, features=EMULATED), session)

    assert tuple(findings) == NAMES
    assert [each for each in findings.values() if each.verdict is not Verdict.OK] == []


async def test_an_examination_leaves_no_object_and_no_row_of_an_audio(
    options: AwsOptions, session: boto3.Session, provisioned: Clients
) -> None:
    await examined(options, session, "permissions", "links", "parts")

    rows = provisioned.dynamodb.scan(TableName=options.table)["Items"]
    assert "Contents" not in provisioned.s3.list_objects_v2(Bucket=options.bucket)
    assert "Uploads" not in provisioned.s3.list_multipart_uploads(Bucket=options.bucket)
    assert [row for row in rows if "state" in row] == []


async def test_an_examination_says_nothing_that_is_secret(
    options: AwsOptions, session: boto3.Session, provisioned: Clients
) -> None:
    said = str(await examined(options, session))

    for secret in ("made-up", "AKIAEXAMPLE", "X-Amz-", "Signature"):
        assert secret not in said


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


async def test_of_a_bucket_that_is_not_there_all_else_is_not_asked(options: AwsOptions, session: boto3.Session) -> None:
    findings = await examined(options, session)

    assert findings["bucket"].detail == f"there is no bucket {options.bucket}"
    assert {findings[name].verdict for name in ("region", "versioning", "permissions", "links", "parts")} == {
        Verdict.SKIPPED
    }
    assert findings["clock"].verdict is Verdict.OK


async def test_a_bucket_of_another_region_is_found(
    options: AwsOptions, session: boto3.Session, provisioned: Clients
) -> None:
    elsewhere = replace(options, region="eu-west-1")

    finding = (await examined(elsewhere, session, "region"))["region"]

    assert (finding.verdict, finding.remedy) == (Verdict.FAILED, "Set MAYFLY_STORAGE_REGION=eu-central-1.")


@pytest.mark.parametrize(
    ("off", "verdict"),
    [
        (timedelta(seconds=1), Verdict.OK),
        (timedelta(seconds=-40), Verdict.WARNING),
        (timedelta(hours=1), Verdict.FAILED),
    ],
)
async def test_a_clock_that_is_off_is_found(
    options: AwsOptions, session: boto3.Session, provisioned: Clients, off: timedelta, verdict: Verdict
) -> None:
    findings = await examined(options, session, "clock", clock=lambda: now() + off)

    assert findings["clock"].verdict is verdict


async def test_a_machine_without_credentials_is_told_how_to_get_some(
    options: AwsOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/nonexistent")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    monkeypatch.delenv("AWS_PROFILE", raising=False)

    findings = await examined(options, boto3.Session())

    assert findings.pop("credentials").detail == "none were found"
    assert {each.verdict for each in findings.values()} == {Verdict.SKIPPED}


def session_with(end: timedelta | None) -> boto3.Session:
    """Temporary credentials that say when they end, or do not."""
    session = botocore.session.Session()
    if end is None:
        session.set_credentials("AKIAEXAMPLE", "made-up", "token")
        return boto3.Session(botocore_session=session)
    refreshed = {"access_key": "AKIAEXAMPLE", "secret_key": "made-up", "token": "token"}
    refreshed["expiry_time"] = (now() + end).isoformat()
    session._credentials = RefreshableCredentials.create_from_metadata(
        refreshed, refresh_using=lambda: refreshed, method="iam-role"
    )
    return boto3.Session(botocore_session=session)


@pytest.mark.parametrize(
    ("end", "verdict", "said"),
    [
        (timedelta(hours=6), Verdict.OK, "from iam-role; until"),
        (timedelta(minutes=12), Verdict.WARNING, "they end at"),
        (None, Verdict.WARNING, "do not say until when"),
    ],
)
async def test_the_life_of_temporary_credentials_is_told(
    options: AwsOptions, end: timedelta | None, verdict: Verdict, said: str
) -> None:
    finding = (await examined(options, session_with(end), "credentials"))["credentials"]

    assert finding.verdict is verdict
    assert said in finding.detail


@pytest.mark.parametrize(
    ("operation", "step"),
    [("PutObject", "row and upload"), ("ListObjectsV2", "list"), ("DeleteObjects", "delete")],
)
async def test_a_right_that_is_missing_is_named_by_the_step_that_needs_it(
    options: AwsOptions, session: boto3.Session, wire: Wire, provisioned: Clients, operation: str, step: str
) -> None:
    wire.answer(operation, 403, "<Error><Code>AccessDenied</Code></Error>", times=9)

    finding = (await examined(options, session, "permissions"))["permissions"]

    assert finding.verdict is Verdict.FAILED
    assert finding.detail.startswith(f"{step}: ")


async def test_links_that_nobody_can_follow_are_found(
    options: AwsOptions, session: boto3.Session, wire: Wire, provisioned: Clients
) -> None:
    unreachable = replace(options, s3_endpoint_url="http://127.0.0.1:1", attempts=1)

    finding = (await examined(unreachable, session, "links"))["links"]

    assert (finding.verdict, finding.detail) == (
        Verdict.FAILED,
        "PUT: nobody answers at 127.0.0.1:1 (Connection refused)",
    )


async def test_a_store_that_knows_less_is_worth_a_word_and_no_fault(
    options: AwsOptions, session: boto3.Session, wire: Wire, provisioned: Clients
) -> None:
    for operation in ("GetBucketPolicy", "GetBucketVersioning"):
        wire.answer(operation, 501, "<Error><Code>NotImplemented</Code></Error>")

    findings = await examined(options, session, "bucket policy", "versioning")

    assert findings["bucket policy"].verdict is Verdict.WARNING
    assert findings["versioning"] == Finding(
        verdict=Verdict.OK, detail="this store knows no versions", check="versioning"
    )


async def test_storage_itself_can_run_on_a_bucket_that_doctor_complains_of(options: AwsOptions, raw: Clients) -> None:
    ensure_bucket_and_table(raw, options)

    findings = await examined(options, emulated_session(), "permissions", "lifecycle")

    assert [each.verdict for each in findings.values()] == [Verdict.FAILED, Verdict.OK]

"""The examination of bucket and table: each check with a store that is well, and with one that is not.

What moto does not know is put in its mouth: missing rights, and stores that lack a feature. It enforces no rights, no
conditions of policies, no CORS and no lifecycle rule, so that only their words are checked.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import boto3
import botocore.session
import pytest
from botocore.credentials import RefreshableCredentials

from mayfly_storage.backends.aws.provision import ensure_bucket_and_table
from mayfly_storage.backends.aws.testing import EMULATED, emulated_session
from mayfly_storage.domain.findings import Finding, Verdict
from mayfly_storage.testing.examining import NAMES, examined, now

if TYPE_CHECKING:
    from collections.abc import Callable

    from mayfly_storage.backends.aws.clients import Clients
    from mayfly_storage.backends.aws.options import AwsOptions
    from mayfly_storage.backends.aws.testing import Wire

    Breaker = Callable[[Clients, str], object]


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


async def test_of_a_bucket_that_is_not_there_all_else_is_not_asked(options: AwsOptions, session: boto3.Session) -> None:
    findings = await examined(options, session)

    assert findings["bucket"].detail == f"there is no bucket {options.bucket}"
    assert {findings[name].verdict for name in ("region", "versioning", "permissions", "links", "parts")} == {
        Verdict.SKIPPED
    }
    assert findings["clock"].verdict is Verdict.OK


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

"""Bringing bucket and table to what they should be: what is missing or different, once."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from botocore.exceptions import ClientError

from mayfly_storage.backends.aws.backend import open_aws
from mayfly_storage.backends.aws.clients import make_clients
from mayfly_storage.backends.aws.features import DEFAULT_ENCRYPTION
from mayfly_storage.backends.aws.provision import changes, ensure_bucket_and_table, provision
from mayfly_storage.backends.aws.provisioning.lifecycle import wanted_rules
from mayfly_storage.backends.aws.provisioning.wishes import Wishes
from mayfly_storage.backends.aws.testing import emulated_session
from mayfly_storage.collections_file import read_collections
from mayfly_storage.domain.errors import BackendUnavailableError
from mayfly_storage.domain.timing import Timing

if TYPE_CHECKING:
    import boto3

    from mayfly_runtime.testing import FakeClock
    from mayfly_storage.backends.aws.clients import Clients
    from mayfly_storage.backends.aws.options import AwsOptions
    from mayfly_storage.backends.aws.testing import Wire


pytestmark = pytest.mark.usefixtures("credentials")

ROLE = "arn:aws:iam::123456789012:role/storage"


def wishes(**overrides: Any) -> Wishes:
    return Wishes(collections=read_collections(), **overrides)


def titles(options: AwsOptions, *, dry_run: bool = False, **overrides: Any) -> list[str]:
    return [change.title for change in provision(options, wishes(**overrides), dry_run=dry_run)]


def rules_of(raw: Clients, options: AwsOptions) -> list[Any]:
    rules: list[Any] = raw.s3.get_bucket_lifecycle_configuration(Bucket=options.bucket)["Rules"]
    return rules


def put_rules(raw: Clients, options: AwsOptions, rules: Any) -> None:
    raw.s3.put_bucket_lifecycle_configuration(Bucket=options.bucket, LifecycleConfiguration={"Rules": rules})


async def test_what_is_provisioned_can_be_used(options: AwsOptions, clock: FakeClock) -> None:
    made = titles(options)

    assert made == [
        f"bucket {options.bucket} in eu-central-1",
        f"bucket {options.bucket}: public access block",
        f"bucket {options.bucket}: default encryption",
        f"bucket {options.bucket}: bucket policy",
        f"bucket {options.bucket}: lifecycle rules",
        f"bucket {options.bucket}: tags",
        f"table {options.table}, on demand, with the indexes due and owner",
        f"table {options.table}: TTL by the attribute ttl",
        f"table {options.table}: tags",
    ]
    async with open_aws(options, timing=Timing(), now=clock.now, session=emulated_session()) as backend:
        await backend.catalog.check()
        await backend.stores.first.blobs.check()


def test_provisioning_again_changes_nothing(options: AwsOptions) -> None:
    titles(options, cors_origins=("https://app.example.com",), principals=(ROLE,))

    assert titles(options, cors_origins=("https://app.example.com",), principals=(ROLE,)) == []


def test_a_dry_run_tells_the_same_and_makes_nothing(options: AwsOptions, raw: Clients) -> None:
    planned = titles(options, dry_run=True)

    with pytest.raises(ClientError, match="404"):
        raw.s3.head_bucket(Bucket=options.bucket)
    assert planned == titles(options)


def test_a_bucket_can_be_made_where_its_region_must_not_be_named(options: AwsOptions, raw: Clients) -> None:
    home = replace(options, region="us-east-1")

    assert f"bucket {options.bucket} in us-east-1" in titles(home)


def test_system_a_s_lifecycle_rule_is_kept_and_those_of_others_as_well(options: AwsOptions, raw: Clients) -> None:
    ensure_bucket_and_table(raw, options)
    theirs = {"ID": "theirs", "Filter": {"Prefix": "logs/"}, "Status": "Enabled", "Expiration": {"Days": 400}}
    stale = {"ID": "DeleteDebugAfter9Days", "Filter": {"Prefix": "debug/"}, "Status": "Enabled"}
    put_rules(raw, options, [theirs, {**stale, "Expiration": {"Days": 10}}])

    titles(options)

    rules = {rule["ID"]: rule for rule in rules_of(raw, options)}
    assert set(rules) == {
        "theirs",
        "DeleteTempAudioAfter1Day",
        "DeleteSpeechSessionsAfter7Days-audio-anonymous",
        "DeleteSpeechSessionsAfter7Days-audio-users",
        "DeleteDebugAfter3Days",
        "DeleteProcessingAfter1Day",
        "AbortIncompleteUploads",
    }
    assert rules["DeleteTempAudioAfter1Day"]["Filter"] == {"Prefix": "temp-audio/"}
    assert rules["DeleteTempAudioAfter1Day"]["Expiration"] == {"Days": 2}
    assert rules["AbortIncompleteUploads"]["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 1}
    assert rules["theirs"]["Expiration"] == {"Days": 400}


def test_what_others_set_on_the_bucket_stays(options: AwsOptions, raw: Clients) -> None:
    ensure_bucket_and_table(raw, options)
    theirs = {"Sid": "Theirs", "Effect": "Deny", "Principal": "*", "Action": "s3:PutBucketAcl", "Resource": "*"}
    rule: dict[str, Any] = {"ID": "theirs", "AllowedOrigins": ["https://other.example.com"], "AllowedMethods": ["GET"]}
    raw.s3.put_bucket_policy(Bucket=options.bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": theirs}))
    raw.s3.put_bucket_cors(Bucket=options.bucket, CORSConfiguration={"CORSRules": [rule]})  # type: ignore[typeddict-item]
    raw.s3.put_bucket_tagging(Bucket=options.bucket, Tagging={"TagSet": [{"Key": "team", "Value": "speech"}]})

    titles(options, cors_origins=("https://app.example.com",))
    titles(options)  # and the origin is withdrawn again

    policy = json.loads(raw.s3.get_bucket_policy(Bucket=options.bucket)["Policy"])
    assert [each["Sid"] for each in policy["Statement"]] == [
        "Theirs",
        "DenyOldSignatureVersions",
        "DenyLinksThatLiveTooLong",
    ]
    assert [each["ID"] for each in raw.s3.get_bucket_cors(Bucket=options.bucket)["CORSRules"]] == ["theirs"]
    assert raw.s3.get_bucket_tagging(Bucket=options.bucket)["TagSet"] == [
        {"Key": "application", "Value": "mayfly"},
        {"Key": "component", "Value": "storage"},
        {"Key": "team", "Value": "speech"},
    ]


def test_scripts_of_the_named_origins_may_use_links_and_nothing_else(options: AwsOptions, raw: Clients) -> None:
    titles(options, cors_origins=("https://app.example.com", "http://localhost:3000"))

    [rule] = raw.s3.get_bucket_cors(Bucket=options.bucket)["CORSRules"]
    assert rule["AllowedOrigins"] == ["http://localhost:3000", "https://app.example.com"]
    assert rule["AllowedMethods"] == ["GET", "HEAD", "PUT"]
    assert set(rule["ExposeHeaders"]) >= {"Content-Range", "ETag"}


def test_access_logs_go_where_they_are_asked_for(options: AwsOptions, raw: Clients) -> None:
    logs = f"{options.bucket}-logs"
    raw.s3.create_bucket(Bucket=logs, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    raw.s3.put_bucket_acl(Bucket=logs, ACL="log-delivery-write")
    titles(options)
    assert titles(options, access_log_bucket=logs) == [f"bucket {options.bucket}: access logs"]
    assert titles(options, access_log_bucket=logs) == []
    there = raw.s3.get_bucket_logging(Bucket=options.bucket)["LoggingEnabled"]
    assert (there["TargetBucket"], there["TargetPrefix"]) == (logs, f"{options.bucket}/")


def test_acceleration_is_switched_on_where_links_lead_there(options: AwsOptions, raw: Clients) -> None:
    titles(options)
    accelerated = replace(options, accelerate=True)
    assert titles(accelerated) == [f"bucket {options.bucket}: transfer acceleration"]
    assert titles(accelerated) == []
    assert raw.s3.get_bucket_accelerate_configuration(Bucket=options.bucket)["Status"] == "Enabled"


def test_encryption_that_somebody_chose_is_left_and_one_that_is_asked_for_is_set(
    options: AwsOptions, raw: Clients
) -> None:
    ensure_bucket_and_table(raw, options)
    titles(replace(options, encryption="aws:kms", kms_key_id="key-1"))

    assert titles(options) == []
    [rule] = raw.s3.get_bucket_encryption(Bucket=options.bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "key-1"}
    assert titles(replace(options, encryption="AES256")) == [f"bucket {options.bucket}: default encryption"]


def test_a_difference_is_told_line_by_line(options: AwsOptions, raw: Clients) -> None:
    titles(options)
    put_rules(raw, options, [rule for rule in rules_of(raw, options) if "Debug" not in rule["ID"]])

    [change] = provision(options, wishes(), dry_run=True)

    assert [line[0] for line in change.lines if line.strip("+- ")[0] == "{"].count("+") == 1
    assert "DeleteDebugAfter3Days" in str(change)


def test_a_store_that_knows_less_is_provisioned_as_far_as_it_goes(
    options: AwsOptions, session: boto3.Session, wire: Wire
) -> None:
    wire.answer("GetBucketPolicy", 501, "<Error><Code>NotImplemented</Code></Error>")
    clients = make_clients(options, session=session)

    told = [(change.sign, change.title) for change in changes(clients, options, wishes())]

    clients.close()
    assert ("!", f"bucket {options.bucket}: bucket policy") in told
    assert ("+", f"bucket {options.bucket}: lifecycle rules") in told


def test_provisioning_says_when_a_service_does_not_answer(options: AwsOptions) -> None:
    with pytest.raises(BackendUnavailableError) as refused:
        titles(replace(options, dynamodb_endpoint_url="http://127.0.0.1:1", attempts=1))

    assert refused.value.backend == "DynamoDB"


def test_the_emulator_serves_as_a_process_of_its_own() -> None:
    command = [sys.executable, "-m", "mayfly_storage.backends.aws.testing", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        status = httpx.get(f"{url}/moto-api/", timeout=60).status_code
        process.terminate()

    assert (url[:17], status) == ("http://127.0.0.1:", 200)


def test_what_the_provider_does_not_bear_is_left_alone_and_named(options: AwsOptions, raw: Clients) -> None:
    left = frozenset({DEFAULT_ENCRYPTION})

    done = [str(change) for change in provision(options, wishes(unmanaged=left))]

    [named] = [change for change in done if DEFAULT_ENCRYPTION in change]
    assert named.startswith("! ")
    assert "MAYFLY_STORAGE_UNMANAGED" in named
    with pytest.raises(ClientError, match="ServerSideEncryptionConfigurationNotFoundError"):
        raw.s3.get_bucket_encryption(Bucket=options.bucket)


def test_an_order_that_the_store_does_not_know_is_left_to_a_person(
    options: AwsOptions, session: boto3.Session, wire: Wire
) -> None:
    wire.answer("PutBucketEncryption", 501, "<Error><Code>NotImplemented</Code></Error>")
    clients = make_clients(options, session=session)

    signs = {change.title.partition(": ")[2]: change.sign for change in changes(clients, options, wishes())}

    clients.close()
    assert (signs[DEFAULT_ENCRYPTION], signs["lifecycle rules"]) == ("!", "+")


def test_a_rule_that_the_store_words_otherwise_is_left_as_it_is() -> None:
    """Ceph tells a rule for everything with an empty prefix beside it, instead of in a filter."""
    [abort] = [rule for rule in wanted_rules([], wishes()) if "Expiration" not in rule]
    there = {name: value for name, value in abort.items() if name != "Filter"} | {"Prefix": ""}

    assert wanted_rules([there], wishes())[0] == there
    assert wanted_rules([there | {"Prefix": "other/"}], wishes())[0] == abort

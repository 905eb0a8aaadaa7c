"""Bringing bucket and table to what they should be: what is missing or different, once."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
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
from mayfly_storage.domain.audio import Location
from mayfly_storage.domain.errors import BackendMisconfiguredError, BackendUnavailableError
from mayfly_storage.domain.ports import AudioFilter
from mayfly_storage.domain.timing import Timing
from mayfly_storage.testing import an_audio

if TYPE_CHECKING:
    import boto3

    from mayfly_runtime.testing import FakeClock
    from mayfly_storage.backends.aws.clients import Clients
    from mayfly_storage.backends.aws.options import AwsOptions
    from mayfly_storage.backends.aws.testing import Wire


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


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """For `provision`, which takes those that boto3 finds by itself."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "made-up")


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


def test_the_table_has_system_a_s_keys_a_sparse_index_and_a_ttl(options: AwsOptions, raw: Clients) -> None:
    ensure_bucket_and_table(raw, options)

    table = raw.dynamodb.describe_table(TableName=options.table)["Table"]
    due, owner = table["GlobalSecondaryIndexes"]
    ttl = raw.dynamodb.describe_time_to_live(TableName=options.table)["TimeToLiveDescription"]
    assert [(key["AttributeName"], key["KeyType"]) for key in table["KeySchema"]] == [
        ("date", "HASH"),
        ("audio_id", "RANGE"),
    ]
    assert [(key["AttributeName"], key["KeyType"]) for key in due["KeySchema"]] == [
        ("due_bucket", "HASH"),
        ("due_time", "RANGE"),
    ]
    assert [(key["AttributeName"], key["KeyType"]) for key in owner["KeySchema"]] == [
        ("owner", "HASH"),
        ("date", "RANGE"),
    ]
    assert owner["Projection"]["ProjectionType"] == "KEYS_ONLY"
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert (ttl["TimeToLiveStatus"], ttl["AttributeName"]) == ("ENABLED", "ttl")


def test_the_table_that_system_a_left_gets_what_it_lacks(options: AwsOptions, raw: Clients) -> None:
    raw.dynamodb.create_table(
        TableName=options.table,
        KeySchema=[{"AttributeName": "date", "KeyType": "HASH"}, {"AttributeName": "audio_id", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("date", "audio_id")],
        BillingMode="PAY_PER_REQUEST",
    )

    assert f"table {options.table}: index due" in titles(options)
    assert titles(options) == []


async def test_a_table_from_before_the_index_of_owners_gets_it_with_what_it_holds(
    options: AwsOptions, raw: Clients, clock: FakeClock
) -> None:
    ensure_bucket_and_table(raw, options)
    old = an_audio(create_time=clock.now() - timedelta(days=2), location=Location.S3, owner="user:anna")
    async with open_aws(options, timing=Timing(), now=clock.now, session=emulated_session()) as backend:
        await backend.catalog.reserve(old, None)
        drop_index(raw, options, "owner")
        with pytest.raises(BackendMisconfiguredError, match="has no index owner by owner and date"):
            await backend.catalog.check()

        assert titles(options, dry_run=True)[-2:] == titles(options)[-2:]
        assert titles(options) == []

        await backend.catalog.check()
        found = await backend.catalog.list_audio(AudioFilter(owner="user:anna"), limit=10)
    assert found.items == (old,)


def drop_index(raw: Clients, options: AwsOptions, name: str) -> None:
    raw.dynamodb.update_table(TableName=options.table, GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": name}}])


def test_indexes_are_made_one_at_a_time_each_with_the_attributes_that_keys_need(
    options: AwsOptions, raw: Clients, session: boto3.Session, wire: Wire
) -> None:
    """As DynamoDB demands it; the emulator would take anything."""
    ensure_bucket_and_table(raw, options)
    for name in ("due", "owner"):
        drop_index(raw, options, name)
    clients = make_clients(options, session=session)

    told = [change.title for change in changes(clients, options, wishes())]

    clients.close()
    bodies = [json.loads(str(request.body, "utf-8")) for request in wire.requests("UpdateTable")]
    assert [title for title in told if "index" in title] == [
        f"table {options.table}: index due",
        f"table {options.table}: index owner",
    ]
    assert [[each["AttributeName"] for each in body["AttributeDefinitions"]] for body in bodies] == [
        ["date", "audio_id", "due_bucket", "due_time"],
        ["date", "audio_id", "due_bucket", "due_time", "owner"],
    ]


def test_an_index_that_is_still_being_filled_is_told_of(
    options: AwsOptions, session: boto3.Session, raw: Clients, wire: Wire
) -> None:
    ensure_bucket_and_table(raw, options)
    described: Any = raw.dynamodb.describe_table(TableName=options.table)
    described["Table"]["GlobalSecondaryIndexes"][0]["IndexStatus"] = "CREATING"
    clients = make_clients(options, session=session)
    wire.answer("DescribeTable", 200, {"Table": json.loads(json.dumps(described["Table"], default=str))}, times=2)

    told = [(change.sign, change.title) for change in changes(clients, options, wishes())]

    clients.close()
    assert ("!", f"table {options.table}: index due is being filled") in told


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


def test_backups_of_the_table_are_told_of_and_left(options: AwsOptions, raw: Clients) -> None:
    titles(options)
    raw.dynamodb.update_continuous_backups(
        TableName=options.table, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )

    [change] = provision(options, wishes())

    assert (change.sign, change.title) == ("!", f"table {options.table}: point-in-time recovery is on")
    assert "PointInTimeRecoveryEnabled=false" in change.lines[-1]


def test_a_table_with_other_keys_is_left_alone(options: AwsOptions, raw: Clients) -> None:
    raw.dynamodb.create_table(
        TableName=options.table,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )

    told = [change.title for change in provision(options, wishes()) if change.sign == "!"]

    assert told == [f"table {options.table} has other keys than date, audio_id"]
    assert not raw.dynamodb.describe_table(TableName=options.table)["Table"].get("GlobalSecondaryIndexes")


def test_a_ttl_by_another_attribute_is_told_of_and_left(options: AwsOptions, raw: Clients) -> None:
    titles(options)
    for enabled, attribute in ((False, "ttl"), (True, "expires")):
        raw.dynamodb.update_time_to_live(
            TableName=options.table, TimeToLiveSpecification={"Enabled": enabled, "AttributeName": attribute}
        )

    [change] = provision(options, wishes())

    assert (change.sign, change.title) == ("!", f"table {options.table}: TTL goes by the attribute expires")


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
        status = httpx.get(f"{url}/moto-api/").status_code
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

"""Bringing the table to what it should be: its keys, its indexes, and when its rows end."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from mayfly_storage.backends.aws.backend import open_aws
from mayfly_storage.backends.aws.clients import make_clients
from mayfly_storage.backends.aws.provision import changes, ensure_bucket_and_table, provision
from mayfly_storage.backends.aws.provisioning.wishes import Wishes
from mayfly_storage.backends.aws.testing import emulated_session
from mayfly_storage.collections_file import read_collections
from mayfly_storage.domain.audio import Location
from mayfly_storage.domain.errors import BackendMisconfiguredError
from mayfly_storage.domain.ports import AudioFilter
from mayfly_storage.domain.timing import Timing
from mayfly_storage.testing import an_audio

if TYPE_CHECKING:
    import boto3

    from mayfly_runtime.testing import FakeClock
    from mayfly_storage.backends.aws.clients import Clients
    from mayfly_storage.backends.aws.options import AwsOptions
    from mayfly_storage.backends.aws.testing import Wire


pytestmark = pytest.mark.usefixtures("credentials")


def wishes(**overrides: Any) -> Wishes:
    return Wishes(collections=read_collections(), **overrides)


def titles(options: AwsOptions, *, dry_run: bool = False, **overrides: Any) -> list[str]:
    return [change.title for change in provision(options, wishes(**overrides), dry_run=dry_run)]


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

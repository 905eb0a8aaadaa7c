"""Making bucket and table: what is missing, once."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import httpx
import pytest

from mayfly_storage.backends.aws.backend import open_aws
from mayfly_storage.backends.aws.provision import ensure_bucket_and_table, provision
from mayfly_storage.backends.aws.testing import emulated_session
from mayfly_storage.domain.errors import BackendUnavailableError
from mayfly_storage.domain.timing import Timing

if TYPE_CHECKING:
    from mayfly_runtime.testing import FakeClock
    from mayfly_storage.backends.aws.clients import Clients
    from mayfly_storage.backends.aws.options import AwsOptions


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """For `provision`, which takes those that boto3 finds by itself."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "made-up")


async def test_what_is_provisioned_can_be_used(options: AwsOptions, clock: FakeClock) -> None:
    made = provision(options)

    assert made == [
        f"made bucket {options.bucket} in eu-central-1",
        f"blocked public access to bucket {options.bucket}",
        f"made table {options.table}",
        f"switched on the TTL of table {options.table} by its attribute ttl",
    ]
    async with open_aws(options, timing=Timing(), now=clock.now, session=emulated_session()) as backend:
        await backend.catalog.check()
        await backend.stores.first.blobs.check()


def test_provisioning_again_changes_nothing(options: AwsOptions) -> None:
    provision(options)

    assert provision(options) == []


def test_a_bucket_can_be_made_where_its_region_must_not_be_named(options: AwsOptions, raw: Clients) -> None:
    home = replace(options, region="us-east-1")

    assert f"made bucket {options.bucket} in us-east-1" in provision(home)


def test_the_table_has_system_a_s_keys_a_sparse_index_and_a_ttl(options: AwsOptions, raw: Clients) -> None:
    ensure_bucket_and_table(raw, options)

    table = raw.dynamodb.describe_table(TableName=options.table)["Table"]
    [index] = table["GlobalSecondaryIndexes"]
    ttl = raw.dynamodb.describe_time_to_live(TableName=options.table)["TimeToLiveDescription"]
    assert [(key["AttributeName"], key["KeyType"]) for key in table["KeySchema"]] == [
        ("date", "HASH"),
        ("audio_id", "RANGE"),
    ]
    assert [(key["AttributeName"], key["KeyType"]) for key in index["KeySchema"]] == [
        ("due_bucket", "HASH"),
        ("due_time", "RANGE"),
    ]
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert (ttl["TimeToLiveStatus"], ttl["AttributeName"]) == ("ENABLED", "ttl")


def test_the_table_that_system_a_left_gets_what_it_lacks(options: AwsOptions, raw: Clients) -> None:
    raw.dynamodb.create_table(
        TableName=options.table,
        KeySchema=[{"AttributeName": "date", "KeyType": "HASH"}, {"AttributeName": "audio_id", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("date", "audio_id")],
        BillingMode="PAY_PER_REQUEST",
    )

    assert f"made index due of table {options.table}" in ensure_bucket_and_table(raw, options)
    assert ensure_bucket_and_table(raw, options) == []


def test_provisioning_says_when_a_service_does_not_answer(options: AwsOptions) -> None:
    with pytest.raises(BackendUnavailableError) as refused:
        provision(replace(options, dynamodb_endpoint_url="http://127.0.0.1:1", attempts=1))

    assert refused.value.backend == "DynamoDB"


def test_the_emulator_serves_as_a_process_of_its_own() -> None:
    command = [sys.executable, "-m", "mayfly_storage.backends.aws.testing", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        status = httpx.get(f"{url}/moto-api/").status_code
        process.terminate()

    assert (url[:17], status) == ("http://127.0.0.1:", 200)

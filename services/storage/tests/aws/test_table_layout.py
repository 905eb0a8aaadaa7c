"""What others find in the table: system A's schema, and when a row is due after each transition."""

from __future__ import annotations

import hashlib
import math
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from mayfly_storage.domain.audio import Location
from mayfly_storage.domain.timing import Timing
from mayfly_storage.testing import a_request, an_audio

if TYPE_CHECKING:
    from mayfly_runtime.testing import FakeClock
    from mayfly_storage.backends.aws.clients import Clients
    from mayfly_storage.backends.aws.options import AwsOptions
    from mayfly_storage.domain.audio import Audio
    from mayfly_storage.domain.stores import Backend

TIMING = Timing()


def item(raw: Clients, options: AwsOptions, partition: str, sort: str) -> dict[str, Any]:
    key = {"date": {"S": partition}, "audio_id": {"S": sort}}
    answer = raw.dynamodb.get_item(TableName=options.table, Key=key, ConsistentRead=True)
    return {name: next(iter(value.values())) for name, value in answer.get("Item", {}).items()}


def row(raw: Clients, options: AwsOptions, audio: Audio) -> dict[str, Any]:
    return item(raw, options, audio.name.date, audio.name.audio_id)


def iso(time: Any) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%S.%f}Z"


async def test_who_reads_the_table_by_system_a_finds_what_it_names(
    backend: Backend, raw: Clients, options: AwsOptions, audio: Audio
) -> None:
    spoken = replace(
        audio,
        text="Hello there",
        voice="en_US-mayfly-small",
        duration=timedelta(seconds=2, milliseconds=500),
        ip_address="0123456789abcdef",
    )

    await backend.catalog.reserve(spoken, None)

    there = row(raw, options, spoken)
    assert spoken.expire_time is not None
    expected = {
        "date": f"{spoken.create_time:%Y-%m-%d}",
        "audio_id": spoken.name.audio_id,
        "s3_key": spoken.object_key,
        "s3_url": f"s3://{options.bucket}/{spoken.object_key}",
        "text": "Hello there",
        "voice_id": "en_US-mayfly-small",
        "duration": "2.5",
        "created_at": iso(spoken.create_time),
        "ip_address": "0123456789abcdef",
        "ttl": str(math.ceil((spoken.expire_time + timedelta(days=7)).timestamp())),
    }
    assert {name: there[name] for name in expected} == expected


async def test_kept_audio_is_never_collected_by_ttl(
    backend: Backend, raw: Clients, options: AwsOptions, audio: Audio
) -> None:
    kept = replace(audio, expire_time=None)
    await backend.catalog.reserve(kept, None)
    await backend.catalog.make_ready(kept.ready(etag="tag"))

    assert not {"ttl", "due_bucket", "due_time"} & row(raw, options, kept).keys()


async def test_audio_that_lies_elsewhere_has_no_s3_url(
    backend: Backend, raw: Clients, options: AwsOptions, audio: Audio
) -> None:
    local = replace(audio, location=Location.LOCAL)
    await backend.catalog.reserve(local, None)

    assert "s3_url" not in row(raw, options, local)


async def test_nothing_personal_is_left_in_the_item_of_a_tombstone(
    backend: Backend, raw: Clients, options: AwsOptions, audio: Audio, clock: FakeClock
) -> None:
    personal = replace(audio, text="Hello there", owner="user:u-1", ip_address="203.0.113.7")
    await backend.catalog.reserve(personal, None)
    await backend.catalog.begin_delete([personal], clock.now())

    answer = raw.dynamodb.scan(TableName=options.table)

    assert not {"text", "owner", "ip_address"} & row(raw, options, personal).keys()
    assert all(word not in str(answer["Items"]) for word in ("Hello", "u-1", "203.0.113.7"))


async def test_a_row_is_due_as_its_state_says(
    backend: Backend, raw: Clients, options: AwsOptions, audio: Audio, clock: FakeClock
) -> None:
    def due() -> str:
        return str(row(raw, options, audio)["due_time"])

    await backend.catalog.reserve(audio, None)
    assert due() == iso(audio.upload_deadline + TIMING.pending_grace)

    ready = await backend.catalog.make_ready(audio.ready(etag="tag"))
    assert due() == iso(audio.expire_time)

    now = clock.advance(timedelta(minutes=3))
    [tombstone] = await backend.catalog.begin_delete([ready], now)
    assert tombstone is not None
    assert due() == iso(now)

    await backend.catalog.mark_bytes_gone([tombstone])
    assert due() == iso(audio.upload_deadline + TIMING.late_put_bound)


async def test_due_rows_spread_over_the_buckets(
    backend: Backend, raw: Clients, options: AwsOptions, clock: FakeClock
) -> None:
    audios = [an_audio(create_time=clock.now(), location=Location.S3) for _ in range(40)]
    for audio in audios:
        await backend.catalog.reserve(audio, None)

    buckets = {str(row(raw, options, audio)["due_bucket"]) for audio in audios}

    assert buckets == {"due#0", "due#1", "due#2", "due#3"}


async def test_a_request_record_is_found_without_its_date(
    backend: Backend, raw: Clients, options: AwsOptions, audio: Audio
) -> None:
    request = a_request(audio, caller="synth")
    await backend.catalog.reserve(audio, request)

    shard = hashlib.sha256(request.request_id.encode()).hexdigest()[:2]
    there = item(raw, options, f"idem#synth#{shard}", request.request_id)

    assert there["audio_name"] == str(audio.name)
    assert there["fingerprint"] == request.fingerprint
    assert int(there["ttl"]) == math.ceil(request.forget_time.timestamp())


async def test_a_key_claim_outlives_its_row_in_the_ttl(
    backend: Backend, raw: Clients, options: AwsOptions, audio: Audio
) -> None:
    """If both were left to DynamoDB, and the claim went first, another audio could take the key too early."""
    claimed = replace(audio, object_key="audio/users/u/s/segment_001.wav", claims_key=True)
    await backend.catalog.reserve(claimed, None)

    shard = hashlib.sha256(claimed.object_key.encode()).hexdigest()[:4]
    claim = item(raw, options, f"key#{shard}", claimed.object_key)

    assert claim["audio_name"] == str(claimed.name)
    assert int(claim["ttl"]) - int(row(raw, options, claimed)["ttl"]) == timedelta(days=7).total_seconds()

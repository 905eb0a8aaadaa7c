"""What the older systems did with S3 and DynamoDB, through our use cases, looked at with boto3 from beside them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from mayfly_storage.domain.audio import Location
from mayfly_storage.domain.links import SignedUrl
from mayfly_storage.domain.ports import AudioFilter
from mayfly_storage.domain.uploads import Subject
from mayfly_storage.testing import SOUND
from mayfly_storage.testing.stage import Stage
from mayfly_storage.testing.sweeping import sweep
from mayfly_storage.testing.worlds import a_world
from mayfly_storage.usecases.assembly import RetentionUseCases, StorageUseCases, World

if TYPE_CHECKING:
    from pathlib import Path

    from mayfly_runtime.testing import FakeClock
    from mayfly_storage.backends.aws.clients import Clients
    from mayfly_storage.backends.aws.options import AwsOptions
    from mayfly_storage.domain.audio import Audio
    from mayfly_storage.domain.stores import Backend

GUEST = Subject(guest_address="203.0.113.7")
RECORDING: dict[str, Any] = {
    "collection": "recordings",
    "content_type": "audio/m4a",
    "key_fields": {"recording_id": "r1"},
    "subject": Subject(user_id="u1"),
}


@pytest.fixture
def world(backend: Backend, clock: FakeClock) -> World:
    return a_world(backend, clock.now)


@pytest.fixture
def storage(world: World) -> StorageUseCases:
    return StorageUseCases.over(world)


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    path = tmp_path / "sound"
    path.write_bytes(SOUND)
    return path


def rows(raw: Clients, options: AwsOptions, audio: Audio) -> list[dict[str, Any]]:
    """What system A's query of the table answers."""
    answer = raw.dynamodb.query(
        TableName=options.table,
        KeyConditionExpression="#date = :date AND audio_id = :audio_id",
        ExpressionAttributeNames={"#date": "date"},
        ExpressionAttributeValues={":date": {"S": audio.name.date}, ":audio_id": {"S": audio.name.audio_id}},
    )
    return list(answer["Items"])


def objects(raw: Clients, options: AwsOptions) -> list[str]:
    return [each["Key"] for each in raw.s3.list_objects_v2(Bucket=options.bucket).get("Contents", [])]


async def test_guest_audio_is_kept_found_by_its_day_played_and_deleted_with_its_row(
    world: World, raw: Clients, options: AwsOptions, clock: FakeClock, sound: Path
) -> None:
    storage = StorageUseCases.over(world)
    audio = await storage.store_file(Stage().wish(voice="en_US-mayfly-low", subject=GUEST), sound)
    key = f"temp-audio/{audio.name.date}/{audio.name.audio_id}.wav"
    [row] = rows(raw, options, audio)
    assert (objects(raw, options), row["s3_key"], audio.location) == ([key], {"S": key}, Location.S3)
    assert raw.s3.get_object(Bucket=options.bucket, Key=key)["Body"].read() == SOUND
    assert await storage.get_audio(audio.name) == audio

    today = await storage.list_audio(AudioFilter(date=audio.name.date), subject=None, limit=9, cursor="")
    signed = (await storage.sign_urls([audio.name], ttl=None, attachment=False))[audio.name]
    assert isinstance(signed, SignedUrl)
    async with httpx.AsyncClient(timeout=60) as http:
        played = await http.get(signed.url)
    assert ([each.name for each in today.items], played.content) == ([audio.name], SOUND)

    clock.advance(timedelta(hours=1))
    assert await storage.delete_audio(audio.name)
    [tombstone] = rows(raw, options, audio)
    assert (objects(raw, options), tombstone["state"]) == ([], {"S": "DELETING"})
    await sweep(RetentionUseCases.over(world))
    assert rows(raw, options, audio) == []


async def test_of_a_guests_address_the_table_has_a_hash(
    storage: StorageUseCases, raw: Clients, options: AwsOptions, sound: Path
) -> None:
    audio = await storage.store_file(Stage().wish(subject=GUEST), sound)

    [row] = rows(raw, options, audio)

    assert len(row["ip_address"]["S"]) == 32
    assert "203.0.113.7" not in str(raw.dynamodb.scan(TableName=options.table)["Items"])


@pytest.mark.parametrize("way", ["grant", "stream"])
async def test_an_object_has_the_type_that_its_writer_said(
    storage: StorageUseCases, raw: Clients, options: AwsOptions, sound: Path, way: str
) -> None:
    """Not S3's own guess, which is binary/octet-stream: players go by it."""
    wish = Stage().wish(**RECORDING)
    if way == "stream":
        await storage.store_file(wish, sound)
    else:
        audio, grant = await storage.create_upload(wish)
        assert grant is not None
        async with httpx.AsyncClient(timeout=60) as http:
            await http.put(grant.url, headers=grant.headers, content=SOUND)
        await storage.commit_upload(audio.name, audio.attempt)

    there = raw.s3.head_object(Bucket=options.bucket, Key="users/u1/recordings/r1/audio.m4a")

    assert there["ContentType"] == "audio/m4a"


def test_a_bucket_that_was_made_is_closed_to_the_public(backend: Backend, raw: Clients, options: AwsOptions) -> None:
    closed = raw.s3.get_public_access_block(Bucket=options.bucket)["PublicAccessBlockConfiguration"]

    assert closed == dict.fromkeys(
        ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True
    )

"""System A's promise in one call: a guest's text becomes an object in S3, a row in DynamoDB, and a link to it."""

from __future__ import annotations

import hashlib
import math
import re
import socket
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from tools.stack.programs import AWS_BUCKET, AWS_REGION, AWS_TABLE, MADE_UP_CREDENTIALS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mayfly_client import Speech, StoredAudio
    from tests.conftest import Stack

TEXT = "Welcome, whoever you are."
VOICE = "en_US-mayfly-low"
GUEST = "198.51.100.23"


@contextmanager
def beside(stack: Stack, service: str) -> Iterator[Any]:
    """boto3 itself, as somebody else's program would use it."""
    client = boto3.client(  # type: ignore[call-overload]  # the name is a parameter
        service,
        region_name=AWS_REGION,
        endpoint_url=f"http://{stack.address('moto')}",
        **{name.lower(): value for name, value in MADE_UP_CREDENTIALS.items()},
    )
    try:
        yield client
    finally:
        client.close()


async def spoken(stack: Stack) -> Speech:
    async with stack.client() as client:
        return await client.speak(TEXT, voice=VOICE, guest_address=GUEST)


def kept(speech: Speech) -> StoredAudio:
    assert speech.stored is not None
    return speech.stored


def item(stack: Stack, audio: StoredAudio) -> dict[str, Any]:
    """The row by system A's two keys, its values without DynamoDB's types."""
    date, audio_id = audio.name.split("/")[1:]
    with beside(stack, "dynamodb") as dynamodb:
        answer = dynamodb.get_item(TableName=AWS_TABLE, Key={"date": {"S": date}, "audio_id": {"S": audio_id}})
    return {name: next(iter(value.values())) for name, value in answer["Item"].items()}


async def test_one_call_leaves_an_object_in_s3_and_a_row_that_system_a_can_read(aws: Stack) -> None:
    speech = await spoken(aws)
    audio = kept(speech)

    with beside(aws, "s3") as s3:
        there = s3.get_object(Bucket=AWS_BUCKET, Key=audio.object_key)
        body = there["Body"].read()
    row = item(aws, audio)

    assert audio.expire_time is not None
    assert audio.object_key == f"temp-audio/{row['date']}/{row['audio_id']}.wav"
    assert (there["ContentType"], hashlib.sha256(body).digest()) == ("audio/wav", audio.sha256)
    assert (speech.voice, row["voice_id"]) == (VOICE, VOICE)
    assert (row["s3_key"], row["s3_url"]) == (audio.object_key, f"s3://{AWS_BUCKET}/{audio.object_key}")
    assert float(row["duration"]) == pytest.approx(audio.duration.total_seconds())
    assert row["created_at"] == f"{audio.create_time:%Y-%m-%dT%H:%M:%S.%f}Z"
    assert int(row["ttl"]) == math.ceil((audio.expire_time + timedelta(days=7)).timestamp())
    assert re.fullmatch("hmac-sha256:[0-9a-f]{32}", row["text"])
    assert GUEST not in str(row)
    assert TEXT not in str(row)


async def test_the_answer_says_where_the_audio_lies(stack: Stack) -> None:
    audio = kept(await spoken(stack))

    async with stack.client() as client:
        backend = (await client.storage_info()).backend

    assert audio.local is (backend == "embedded")


async def test_with_s3_storage_itself_neither_keeps_nor_serves_audio(aws: Stack) -> None:
    audio = kept(await spoken(aws))

    files = [path for path in aws.layout.data.rglob("*") if path.is_file()]
    with socket.socket() as door:
        refused = door.connect_ex(("127.0.0.1", aws.layout.ports.links)) != 0

    assert [path for path in files if path.stat().st_size == audio.size_bytes] == []
    assert refused
    assert audio.url.startswith(f"http://{aws.address('moto')}/{AWS_BUCKET}/")

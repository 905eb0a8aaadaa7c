"""Large audio through a real storage process over S3, by the client that users have."""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING

import pytest

from mayfly_client import AsyncClient, Client
from mayfly_storage.backends.aws.clients import make_clients
from mayfly_storage.backends.aws.provision import ensure_bucket_and_table
from mayfly_storage.backends.aws.testing import aws_emulator, emulated_options, emulated_session
from mayfly_storage.testing.process import storage_process
from tests.waiting import PATIENCE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from mayfly_client import Audio
    from mayfly_storage.backends.aws.options import AwsOptions

LARGE = hashlib.shake_256(b"large").digest(23 * 1024**2 + 7)


@pytest.fixture
def aws_url() -> Iterator[str]:
    with aws_emulator() as url:
        yield url


@pytest.fixture
async def options(aws_url: str) -> AsyncIterator[AwsOptions]:
    options = emulated_options(aws_url)
    clients = make_clients(options, session=emulated_session())
    await asyncio.to_thread(ensure_bucket_and_table, clients, options)
    yield options
    clients.close()


def settings(options: AwsOptions) -> dict[str, str]:
    return {
        "MAYFLY_STORAGE_BACKEND": "aws",
        "MAYFLY_STORAGE_BUCKET": options.bucket,
        "MAYFLY_STORAGE_TABLE": options.table,
        "MAYFLY_STORAGE_REGION": options.region,
        "MAYFLY_STORAGE_ENDPOINT_URL": str(options.s3_endpoint_url),
        "MAYFLY_STORAGE_PROVIDER": "aws",
        "MAYFLY_STORAGE_ADDRESSING_STYLE": "path",
        "MAYFLY_STORAGE_SINGLE_PUT_BYTES": str(6 * 1024**2),
        "MAYFLY_STORAGE_PART_BYTES": str(5 * 1024**2),
        "MAYFLY_STORAGE_AWS_READ_TIMEOUT": "30s",
        "MAYFLY_STORAGE_PRIVACY_SECRET": "a secret of the tests, and long enough",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }


async def etag(options: AwsOptions, key: str) -> str:
    clients = make_clients(options, session=emulated_session())
    head = await asyncio.to_thread(clients.s3.head_object, Bucket=options.bucket, Key=key)
    clients.close()
    return head["ETag"].strip('"')


async def test_a_large_file_is_saved_in_parts_with_progress_and_downloaded(tmp_path: Path, options: AwsOptions) -> None:
    source, target = tmp_path / "large.wav", tmp_path / "copy.wav"
    source.write_bytes(LARGE)
    seen: list[tuple[int, int]] = []
    async with (
        storage_process(tmp_path / "data", settings(options)) as (_, callers),
        AsyncClient(storage=callers.address, timeout=PATIENCE) as client,
    ):
        saved = await client.save(source, collection="temp-audio", progress=lambda *each: seen.append(each))
        await client.download(saved.name, target)
    assert saved.sha256 == hashlib.sha256(LARGE).digest()
    assert target.read_bytes() == LARGE
    assert (await etag(options, saved.object_key)).endswith("-5")
    assert max(sent for sent, _ in seen) == len(LARGE)
    assert {total for _, total in seen} == {len(LARGE)}


async def test_the_synchronous_client_and_a_stream_do_the_same(tmp_path: Path, options: AwsOptions) -> None:
    source = tmp_path / "large.wav"
    source.write_bytes(LARGE)

    def saved_synchronously(address: str) -> Audio:
        with Client(storage=address, timeout=PATIENCE) as client:
            return client.save(source, collection="temp-audio")

    async with (
        storage_process(tmp_path / "data", settings(options)) as (_, callers),
        AsyncClient(storage=callers.address, timeout=PATIENCE) as client,
    ):
        streamed = await client.upload_stream(source, collection="temp-audio")
        saved = await asyncio.to_thread(saved_synchronously, callers.address)
        assert await client.download(streamed.name) == LARGE
    for audio in (streamed, saved):
        assert audio.sha256 == hashlib.sha256(LARGE).digest()
        assert (await etag(options, audio.object_key)).endswith("-5")

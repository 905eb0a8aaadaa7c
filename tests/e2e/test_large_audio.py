"""Large audio through a real storage process over S3, by the client that users have."""

from __future__ import annotations

import asyncio
import hashlib
import json
from typing import TYPE_CHECKING

import pytest

from mayfly_client import AsyncClient
from mayfly_storage.backends.aws.clients import make_clients
from mayfly_storage.backends.aws.provision import ensure_bucket_and_table
from mayfly_storage.backends.aws.testing import aws_emulator, emulated_options, emulated_session
from mayfly_storage.testing.process import storage_process

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LARGE = hashlib.shake_256(b"large").digest(23 * 1024**2 + 7)


@pytest.fixture
def aws_url() -> Iterator[str]:
    with aws_emulator() as url:
        yield url


async def test_a_large_file_is_saved_in_parts_with_progress_and_downloaded(tmp_path: Path, aws_url: str) -> None:
    options = emulated_options(aws_url)
    clients = make_clients(options, session=emulated_session())
    await asyncio.to_thread(ensure_bucket_and_table, clients, options)
    settings = {
        "MAYFLY_STORAGE_BACKEND": "aws",
        "MAYFLY_STORAGE_BUCKET": options.bucket,
        "MAYFLY_STORAGE_TABLE": options.table,
        "MAYFLY_STORAGE_REGION": options.region,
        "MAYFLY_STORAGE_ENDPOINT_URL": aws_url,
        "MAYFLY_STORAGE_PROVIDER": "aws",
        "MAYFLY_STORAGE_ADDRESSING_STYLE": "path",
        "MAYFLY_STORAGE_SINGLE_PUT_BYTES": str(6 * 1024**2),
        "MAYFLY_STORAGE_PART_BYTES": str(5 * 1024**2),
        "MAYFLY_STORAGE_AWS_READ_TIMEOUT": "30s",
        "MAYFLY_STORAGE_PRIVACY_SECRET": "a secret of the tests, and long enough",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }
    source, target = tmp_path / "large.wav", tmp_path / "copy.wav"
    source.write_bytes(LARGE)
    seen: list[tuple[int, int]] = []
    async with (
        storage_process(tmp_path / "data", settings) as (_, callers),
        AsyncClient(storage=callers.address, timeout=30) as client,
    ):
        saved = await client.save(source, collection="temp-audio", progress=lambda *each: seen.append(each))
        await client.download(saved.name, target)
    head = await asyncio.to_thread(clients.s3.head_object, Bucket=options.bucket, Key=saved.object_key)
    clients.close()
    assert saved.sha256 == hashlib.sha256(LARGE).digest()
    assert target.read_bytes() == LARGE
    assert json.loads(head["ETag"]).endswith("-5")
    assert max(sent for sent, _ in seen) == len(LARGE)
    assert {total for _, total in seen} == {len(LARGE)}

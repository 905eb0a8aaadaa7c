"""A storage process with a mirror, and the command that brings it up to date."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from mayfly.storage.v1 import storage_service_pb2 as pb

from mayfly_storage.backends.aws.clients import make_clients
from mayfly_storage.backends.aws.provision import ensure_bucket_and_table
from mayfly_storage.backends.aws.testing import emulated_options, emulated_session
from mayfly_storage.testing import SOUND
from mayfly_storage.testing.process import storage_process

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from mayfly_storage.backends.aws.clients import Clients


WAV = b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data\0\0\0\0"


@pytest.fixture
def buckets(aws_url: str) -> Iterator[tuple[Clients, str, Mapping[str, str]]]:
    """What sees the mirror's bucket, its name, and the settings of both."""
    first, second = emulated_options(aws_url), emulated_options(aws_url, bucket=f"mirror-{uuid4().hex}")
    for options in (first, second):
        clients = make_clients(options, session=emulated_session())
        ensure_bucket_and_table(clients, options)
    settings = {
        "MAYFLY_STORAGE_BACKEND": "aws",
        "MAYFLY_STORAGE_BUCKET": first.bucket,
        "MAYFLY_STORAGE_TABLE": first.table,
        "MAYFLY_STORAGE_REGION": first.region,
        "MAYFLY_STORAGE_ENDPOINT_URL": aws_url,
        "MAYFLY_STORAGE_ADDRESSING_STYLE": "path",
        "MAYFLY_STORAGE_MIRROR_BUCKET": second.bucket,
        "MAYFLY_STORAGE_MIRROR_ENDPOINT_URL": aws_url,
        "MAYFLY_STORAGE_MIRROR_PROVIDER": "minio",
        "MAYFLY_STORAGE_MIRROR_ACCESS_KEY_ID": "of-the-mirror",
        "MAYFLY_STORAGE_MIRROR_SECRET_ACCESS_KEY": "made-up",
        "MAYFLY_STORAGE_PRIVACY_SECRET": "a secret of the tests, and long enough",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }
    yield clients, second.bucket, settings
    clients.close()


async def run(folder: Path, *arguments: str, settings: Mapping[str, str]) -> tuple[int, str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("MAYFLY_", "AWS_", "S3_"))}  # noqa: TID251 - a child inherits it
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "mayfly_storage",
        *arguments,
        env=clean | {"MAYFLY_STORAGE_DATA_DIR": str(folder)} | dict(settings),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), timeout=60)
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def keys_in(clients: Clients, bucket: str) -> list[str]:
    listed = await asyncio.to_thread(clients.s3.list_objects_v2, Bucket=bucket)
    return [each["Key"] for each in listed.get("Contents", [])]


async def test_what_is_saved_is_mirrored_and_what_differs_is_mended(
    tmp_path: Path, buckets: tuple[Clients, str, Mapping[str, str]]
) -> None:
    clients, bucket, settings = buckets
    async with storage_process(tmp_path / "data", settings) as (_, callers):
        name = await callers.stream(SOUND)
        audio = (await callers.storage.GetAudio(pb.GetAudioRequest(name=name))).audio
        async with asyncio.timeout(30):
            while await keys_in(clients, bucket) != [audio.object_key]:  # noqa: ASYNC110 - of another process
                await asyncio.sleep(0.05)
        same = await run(tmp_path / "other", "mirror", settings=settings)
        await asyncio.to_thread(clients.s3.delete_object, Bucket=bucket, Key=audio.object_key)
        looked = await run(tmp_path / "other", "mirror", "--dry-run", settings=settings)
        mended = await run(tmp_path / "other", "mirror", "--json", settings=settings)
        kept = await keys_in(clients, bucket)
        await callers.delete(name)
    assert same[:2] == (0, "2 compared; the mirror is as it should be\n")
    assert looked[0] == 1
    assert looked[1] == "1 compared: 1 missing; 0 mended, 1 left\n"
    assert f"missing   {audio.object_key}" in looked[2]
    assert mended[0] == 0
    assert json.loads(mended[1])["mended"] == 1
    assert kept == [audio.object_key]
    assert await keys_in(clients, bucket) == []


async def test_what_is_imported_is_copied_by_the_command(
    tmp_path: Path, buckets: tuple[Clients, str, Mapping[str, str]]
) -> None:
    clients, bucket, settings = buckets
    folder = tmp_path / "users" / "u1" / "recordings" / "r1"
    folder.mkdir(parents=True)
    (folder / "audio.wav").write_bytes(WAV)
    imported = await run(tmp_path / "data", "import", str(tmp_path), "--layout", "system-c", settings=settings)
    await run(tmp_path / "data", "mirror", settings=settings)
    assert (imported[0], imported[1][:10]) == (0, "1 imported")
    assert await keys_in(clients, bucket) == ["users/u1/recordings/r1/audio.wav"]


async def test_without_a_mirror_it_says_how_one_is_named(tmp_path: Path) -> None:
    code, _, said = await run(tmp_path, "mirror", settings={})
    assert code == 2
    assert "MAYFLY_STORAGE_MIRROR_BUCKET" in said


async def test_the_doctor_examines_the_mirror(tmp_path: Path, buckets: tuple[Clients, str, Mapping[str, str]]) -> None:
    clients, bucket, settings = buckets
    sound = await findings(tmp_path, settings)
    await asyncio.to_thread(
        clients.s3.put_bucket_versioning, Bucket=bucket, VersioningConfiguration={"Status": "Enabled"}
    )
    keeping = await findings(tmp_path, settings)
    missing = await findings(tmp_path, {**settings, "MAYFLY_STORAGE_MIRROR_BUCKET": f"no-{bucket}"})
    assert (sound["mirror"], sound["versioning of the mirror"]) == ("ok", "ok")
    assert (keeping["mirror"], keeping["versioning of the mirror"]) == ("ok", "failed")
    assert missing["mirror"] == "failed"


async def findings(folder: Path, settings: Mapping[str, str]) -> dict[str, str]:
    """What the doctor says of each check."""
    _, said, _ = await run(folder, "doctor", "--json", settings=settings)
    return {each["check"]: each["verdict"] for each in json.loads(said)["findings"]}

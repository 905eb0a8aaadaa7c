"""One upload by a process of its own, so that its memory is its own.

`python -m bench.upload_client grant|put|stream STORAGE FILE` and `python -m bench.upload_client boto3|boto3-parts
ENDPOINT FILE` print the seconds that it took, and the most memory that the process ever had, in MiB.
"""

from __future__ import annotations

import asyncio
import sys
import time
import uuid
from pathlib import Path

import boto3

from bench.memory import peak_of
from mayfly_client import AsyncClient, put_grant
from mayfly_client._bodies import measure
from tools.stack.programs import AWS_BUCKET, AWS_REGION, MADE_UP_CREDENTIALS

SMALL = b"RIFF" * 1_000


async def through_mayfly(kind: str, address: str, path: Path) -> float:
    """By a grant, or by UploadAudio. A small one goes before: connections are open, and modules are loaded."""
    async with AsyncClient(storage=address, timeout=120) as client:
        save = client.upload_stream if kind == "stream" else client.save
        await save(SMALL, collection="temp-audio", content_type="audio/wav")
        begun = time.perf_counter()
        if kind == "put":
            await put_alone(client, path)
        else:
            await save(path, collection="temp-audio", content_type="audio/wav")
        return time.perf_counter() - begun


async def put_alone(client: AsyncClient, path: Path) -> None:
    """All of a save but the commit."""
    measured = await asyncio.to_thread(measure, path)
    upload = await client.create_upload(
        collection="temp-audio", content_type="audio/wav", size_bytes=measured.size_bytes, sha256=measured.sha256
    )
    if upload.grant is None:
        raise AssertionError(f"{upload.audio.name} is stored already")
    await put_grant(client.http, upload.grant, path)


def through_boto3(kind: str, endpoint: str, path: Path) -> float:
    """By put_object or upload_file, with what boto3 does by itself."""
    client = boto3.client(
        "s3",
        region_name=AWS_REGION,
        endpoint_url=endpoint,
        aws_access_key_id=MADE_UP_CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=MADE_UP_CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
    )
    client.put_object(Bucket=AWS_BUCKET, Key=f"bench/{uuid.uuid4()}", Body=SMALL)
    begun = time.perf_counter()
    if kind == "boto3-parts":
        client.upload_file(str(path), AWS_BUCKET, f"bench/{uuid.uuid4()}", ExtraArgs={"ContentType": "audio/wav"})
        return time.perf_counter() - begun
    with path.open("rb") as body:
        client.put_object(Bucket=AWS_BUCKET, Key=f"bench/{uuid.uuid4()}", Body=body, ContentType="audio/wav")
    return time.perf_counter() - begun


def main() -> None:
    """Do one, and tell."""
    kind, where, path = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    by_boto3 = kind in {"boto3", "boto3-parts"}
    seconds = through_boto3(kind, where, path) if by_boto3 else asyncio.run(through_mayfly(kind, where, path))
    print(seconds, peak_of("self"))


if __name__ == "__main__":
    main()

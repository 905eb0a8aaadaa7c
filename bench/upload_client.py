"""One upload by a process of its own, so that its memory is its own.

`python -m bench.upload_client grant|stream STORAGE FILE` and `python -m bench.upload_client boto3 ENDPOINT FILE` print
the seconds that it took, and the most memory that the process ever had, in MiB.
"""

from __future__ import annotations

import asyncio
import sys
import time
import uuid
from pathlib import Path

import boto3

from bench.memory import peak_of
from mayfly_client import AsyncClient
from tools.stack.programs import AWS_BUCKET, AWS_REGION, MADE_UP_CREDENTIALS

SMALL = b"RIFF" * 1_000


async def through_mayfly(kind: str, address: str, path: Path) -> float:
    """By a grant, or by UploadAudio. A small one goes before: connections are open, and modules are loaded."""
    async with AsyncClient(storage=address, timeout=120) as client:
        save = client.save if kind == "grant" else client.upload_stream
        await save(SMALL, collection="temp-audio", content_type="audio/wav")
        begun = time.perf_counter()
        await save(path, collection="temp-audio", content_type="audio/wav")
        return time.perf_counter() - begun


def through_boto3(endpoint: str, path: Path) -> float:
    """By put_object, with what boto3 does by itself."""
    client = boto3.client(
        "s3",
        region_name=AWS_REGION,
        endpoint_url=endpoint,
        aws_access_key_id=MADE_UP_CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=MADE_UP_CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
    )
    client.put_object(Bucket=AWS_BUCKET, Key=f"bench/{uuid.uuid4()}", Body=SMALL)
    begun = time.perf_counter()
    with path.open("rb") as body:
        client.put_object(Bucket=AWS_BUCKET, Key=f"bench/{uuid.uuid4()}", Body=body, ContentType="audio/wav")
    return time.perf_counter() - begun


def main() -> None:
    """Do one, and tell."""
    kind, where, path = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    seconds = through_boto3(where, path) if kind == "boto3" else asyncio.run(through_mayfly(kind, where, path))
    print(seconds, peak_of("self"))


if __name__ == "__main__":
    main()

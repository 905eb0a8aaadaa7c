"""Links to 1,000 audios: our signer and the whole RPC, beside as many calls of botocore's generate_presigned_url.

All sign with the same made-up credentials of a role, in turn in each round, so that a change of the machine's speed
meets all. Every round has audio of its own: nothing is answered from memory. The RPC goes to a real server on loopback
in a process of its own, over rows in memory: what it costs beside the signing is the protocol's work, not DynamoDB's.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import TYPE_CHECKING

import grpc.aio
from mayfly.storage.v1 import storage_service_pb2 as pb
from mayfly.storage.v1 import storage_service_pb2_grpc as stubs

from bench.report import Row
from bench.storage_server import OPTIONS, an_audio, session
from mayfly_storage.backends.aws.backend import open_aws
from mayfly_storage.backends.aws.clients import make_clients
from mayfly_storage.domain.links import LinkWish
from mayfly_storage.domain.timing import Timing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from mayfly_storage.domain.audio import Audio
    from mayfly_storage.domain.ports import LinkSigner

ROUNDS = 7
LINKS = 1_000
HOUR = timedelta(hours=1)


@contextmanager
def storage(kind: str) -> Iterator[tuple[str, list[str]]]:
    """A storage server in its own process: its address, and the names of what it holds."""
    command = [sys.executable, "-m", "bench.storage_server", kind, str(LINKS * (ROUNDS + 1))]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        port, *names = process.stdout.readline().split()
        yield f"127.0.0.1:{port}", names
    finally:
        process.terminate()
        process.wait(10)


def botocore_loop() -> Callable[[Sequence[Audio]], list[str]]:
    """The limit: one call after the other, with the same parameters."""
    client = make_clients(OPTIONS, session=session()).s3

    def sign(audios: Sequence[Audio]) -> list[str]:
        end = datetime.now(UTC) + HOUR
        return [
            client.generate_presigned_url(
                "get_object",
                Params={
                    "Bucket": OPTIONS.bucket,
                    "Key": audio.object_key,
                    "ResponseContentType": audio.content_type,
                    "ResponseContentDisposition": f'inline; filename="{audio.name.audio_id}.wav"',
                    "ResponseCacheControl": "private",
                    "ResponseExpires": end,
                },
                ExpiresIn=3600,
            )
            for audio in audios
        ]

    return sign


async def our_links(links: LinkSigner, audios: Sequence[Audio]) -> list[str]:
    """The same by the signer that storage has."""
    begin = datetime.now(UTC).replace(microsecond=0)
    signed = await links.sign_urls([LinkWish(audio=audio, begin=begin, expire_time=begin + HOUR) for audio in audios])
    return [link.url for link in signed if link is not None]


async def our_rpc(stub: stubs.StorageServiceAsyncStub, names: Sequence[str]) -> list[str]:
    """The same by the RPC."""
    answer = await stub.SignUrls(pb.SignUrlsRequest(names=names), timeout=30)
    return [result.signed_url.url for result in answer.results if result.HasField("signed_url")]


async def measure(address: str, names: Sequence[str]) -> dict[str, float]:
    """Milliseconds for 1,000 links by each; the first round warms up and does not count."""
    taken: dict[str, list[float]] = {"botocore": [], "signer": [], "rpc": []}
    by_botocore = botocore_loop()
    async with (
        open_aws(OPTIONS, timing=Timing(), now=lambda: datetime.now(UTC), session=session()) as backend,
        grpc.aio.insecure_channel(address) as channel,
    ):
        stub: stubs.StorageServiceAsyncStub = stubs.StorageServiceStub(channel)
        for number in range(ROUNDS + 1):
            audios = [an_audio() for _ in range(LINKS)]
            mine = names[number * LINKS : (number + 1) * LINKS]
            begun = time.perf_counter()
            limit = by_botocore(audios)
            signing = time.perf_counter()
            ours = await our_links(backend.stores.first.links, audios)
            calling = time.perf_counter()
            called = await our_rpc(stub, mine)
            ended = time.perf_counter()
            assert len(limit) == len(ours) == len(called) == LINKS
            taken["botocore"].append(signing - begun)
            taken["signer"].append(calling - signing)
            taken["rpc"].append(ended - calling)
    return {name: median(values[1:]) * 1_000 for name, values in taken.items()}


def run() -> list[Row]:
    """Speed of each, as a ratio to botocore's."""
    with storage("aws") as (address, names):
        milliseconds = asyncio.run(measure(address, names))
    limit = LINKS / milliseconds["botocore"] * 1_000
    return [
        Row(
            name=name,
            unit="links/s",
            measured=LINKS / milliseconds[key] * 1_000,
            limit=limit,
            limit_name="botocore, one by one",
            goal=8,
            higher_is_better=True,
        )
        for key, name in (("signer", "1,000 links by the signer"), ("rpc", "1,000 links by one SignUrls"))
    ]

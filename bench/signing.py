"""Links to 1,000 audios: our signer and the whole RPC, beside as many calls of botocore's generate_presigned_url.

All sign with the same made-up credentials of a role, in turn in each round, and each ratio is of one round, so that a
change of the machine's speed meets both. Every round has audio of its own: nothing is answered from memory. Two of the
RPC's servers hold rows in memory: what they cost beside the signing is the protocol's work. In one all links end
together (new audio), in the other each at another second (audio of all ages). The last two are whole backends: SQLite
with links of our own, and DynamoDB, which is emulated, and takes most of that time. The signatures are all different,
and compared with botocore's in the tests (`services/storage/tests/aws/test_sigv4.py`).
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from contextlib import AsyncExitStack, ExitStack, contextmanager
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
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    from mayfly_storage.domain.audio import Audio
    from mayfly_storage.domain.ports import LinkSigner

ROUNDS = 9
LINKS = 1_000
HOUR = timedelta(hours=1)
GOAL = 8
SIGNER = "1,000 links by the signer"
RPCS = {
    "aws": "1,000 links by SignUrls",
    "aged": "1,000 links by SignUrls, an end for each",
    "embedded": "1,000 links by SignUrls, embedded",
    "moto": "1,000 links by SignUrls, on moto",
}
JUDGED = {SIGNER, RPCS["aws"], RPCS["aged"]}
"""What has a goal: the others are not S3's links, or wait for an emulator."""


@contextmanager
def storage(kind: str, count: int = 1) -> Iterator[tuple[str, list[str]]]:
    """A storage server in its own process: its address, and the names of what it holds."""
    command = [sys.executable, "-m", "bench.storage_server", kind, str(count)]
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
    answer = await stub.SignUrls(pb.SignUrlsRequest(names=names), timeout=60)
    return [result.signed_url.url for result in answer.results if result.HasField("signed_url")]


async def seconds_of(signing: Awaitable[list[str]]) -> float:
    """How long it takes to have all links."""
    begun = time.perf_counter()
    links = await signing
    taken = time.perf_counter() - begun
    assert len(set(links)) == LINKS
    return taken


async def by_botocore(sign: Callable[[Sequence[Audio]], list[str]], audios: Sequence[Audio]) -> list[str]:
    """In the shape of the others."""
    return sign(audios)


async def measure(servers: dict[str, tuple[str, list[str]]]) -> list[dict[str, float]]:
    """Seconds for 1,000 links by each, for each round; the first round warms up and does not count."""
    rounds: list[dict[str, float]] = []
    limit = botocore_loop()
    async with AsyncExitStack() as stack:
        aws = open_aws(OPTIONS, timing=Timing(), now=lambda: datetime.now(UTC), session=session())
        links = (await stack.enter_async_context(aws)).stores.first.links
        channels = {
            kind: await stack.enter_async_context(grpc.aio.insecure_channel(address))
            for kind, (address, _) in servers.items()
        }
        for number in range(ROUNDS + 1):
            audios = [an_audio() for _ in range(LINKS)]
            taken = {
                "botocore": await seconds_of(by_botocore(limit, audios)),
                SIGNER: await seconds_of(our_links(links, audios)),
            }
            for kind, (_, names) in servers.items():
                mine = names[number * LINKS : (number + 1) * LINKS]
                taken[RPCS[kind]] = await seconds_of(our_rpc(stubs.StorageServiceStub(channels[kind]), mine))
            rounds.append(taken)
    return rounds[1:]


def row(name: str, rounds: Sequence[dict[str, float]]) -> Row:
    """The median round's ratio, at the median speed of botocore."""
    limit = LINKS / median(each["botocore"] for each in rounds)
    ratio = median(each["botocore"] / each[name] for each in rounds)
    return Row(
        name=name,
        unit="links/s",
        measured=limit * ratio,
        limit=limit,
        limit_name="botocore, one by one",
        goal=GOAL if name in JUDGED else None,
        higher_is_better=True,
    )


def run() -> list[Row]:
    """Speed of each, as a ratio to botocore's."""
    with ExitStack() as stack:
        servers = {kind: stack.enter_context(storage(kind, LINKS * (ROUNDS + 1))) for kind in RPCS}
        rounds = asyncio.run(measure(servers))
    return [row(name, rounds) for name in (SIGNER, *RPCS.values())]

"""What GetAudio and SignUrls of one name cost, beside a bare grpc.aio echo, for one caller and for 32.

Three storages answer in turn with the echo, so that a change of the machine's speed meets all, each in a process of its
own: one over rows in memory, which shows what Mayfly adds to gRPC (interceptors, validation, use case, links); and two
as users run them (with their access log), embedded on SQLite, and on an emulated AWS. The last is mostly the emulator's
own time, so it stands beside the bare `batch_get_item` of boto3 that each such call makes. The link of one name is
signed once, and then remembered, as in a page that many open. Each ratio is of one round; the median counts.
"""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import TYPE_CHECKING

import boto3
import grpc.aio
from botocore.config import Config
from mayfly.storage.v1 import storage_service_pb2 as pb
from mayfly.storage.v1 import storage_service_pb2_grpc as stubs

from bench.echo_server import METHOD
from bench.report import Row
from bench.signing import storage
from bench.storage_set import save_many, storage_set
from bench.unary_overhead import server
from tools.stack.programs import AWS_REGION, AWS_TABLE, MADE_UP_CREDENTIALS, Backend

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

ROUNDS = 7
CALLS = 640
CALLS_OF_EMULATOR = 64
CALLERS = (1, 32)
PAYLOAD = b"x" * 200
ECHO, BARE_READ = "bare grpc.aio echo", "bare boto3 read of the row"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """Something that is called."""

    name: str
    limit: str
    """The name of what it stands beside."""
    call: Callable[[], Awaitable[object]]
    calls: int = CALLS


async def calls_per_second(one: Contender, callers: int) -> float:
    """With so many callers at once."""

    async def caller() -> None:
        for _ in range(one.calls // callers):
            await one.call()

    begun = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(callers)))
    return one.calls / (time.perf_counter() - begun)


def of_storage(
    channel: grpc.aio.Channel, name: str, where: str, *, limit: str = ECHO, calls: int = CALLS
) -> list[Contender]:
    """Both RPCs of one storage."""
    stub = stubs.StorageServiceStub(channel)
    get, sign = pb.GetAudioRequest(name=name), pb.SignUrlsRequest(names=[name])
    return [
        Contender(name=f"GetAudio, {where}", limit=limit, calls=calls, call=lambda: stub.GetAudio(get, timeout=10)),
        Contender(
            name=f"SignUrls of one, {where}", limit=limit, calls=calls, call=lambda: stub.SignUrls(sign, timeout=10)
        ),
    ]


def bare_read(endpoint: str, name: str, pool: ThreadPoolExecutor) -> Contender:
    """What the AWS backend asks the emulator for each call, by boto3 alone."""
    client = boto3.client(
        "dynamodb",
        region_name=AWS_REGION,
        endpoint_url=endpoint,
        aws_access_key_id=MADE_UP_CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=MADE_UP_CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        config=Config(max_pool_connections=16),
    )
    _, date, audio_id = name.split("/")
    keys = [{"date": {"S": date}, "audio_id": {"S": audio_id}}]
    read = partial(client.batch_get_item, RequestItems={AWS_TABLE: {"Keys": keys, "ConsistentRead": True}})
    loop = asyncio.get_running_loop()
    return Contender(
        name=BARE_READ, limit=BARE_READ, calls=CALLS_OF_EMULATOR, call=lambda: loop.run_in_executor(pool, read)
    )


async def compare(contenders: list[Contender], callers: int) -> list[Row]:
    """Rows for one number of callers; the first round warms up and does not count."""
    speeds: dict[str, list[float]] = {each.name: [] for each in contenders}
    for _ in range(ROUNDS + 1):
        for each in contenders:
            speeds[each.name].append(await calls_per_second(each, callers))
    return [
        row(
            f"{each.name}, {callers} caller{'s' * (callers > 1)}",
            speeds[each.name][1:],
            speeds[each.limit][1:],
            each.limit,
        )
        for each in contenders
        if each.name != each.limit
    ]


def row(name: str, measured: list[float], limits: list[float], limit_name: str) -> Row:
    """The median round's ratio, at the median speed of the limit."""
    limit = median(limits)
    ratio = median(speed / other for speed, other in zip(measured, limits, strict=True))
    return Row(
        name=name,
        unit="calls/s",
        measured=limit * ratio,
        limit=limit,
        limit_name=limit_name,
        goal=None,
        higher_is_better=True,
    )


async def measure(memory: tuple[str, str], embedded: str, aws: tuple[str, str], echo_address: str) -> list[Row]:
    """Save what is read, and call all in turn."""
    [saved], [emulated] = await save_many(embedded, 1), await save_many(aws[0], 1)
    async with AsyncExitStack() as stack:
        open_to = [
            await stack.enter_async_context(grpc.aio.insecure_channel(address))
            for address in (echo_address, memory[0], embedded, aws[0])
        ]
        echo: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = open_to[0].unary_unary(METHOD)
        pool = stack.enter_context(ThreadPoolExecutor(16))
        contenders = [
            Contender(name=ECHO, limit=ECHO, call=lambda: echo(PAYLOAD, timeout=10)),
            *of_storage(open_to[1], memory[1], "rows in memory"),
            *of_storage(open_to[2], saved, "embedded"),
            bare_read(aws[1], emulated, pool),
            *of_storage(open_to[3], emulated, "on moto", limit=BARE_READ, calls=CALLS_OF_EMULATOR),
        ]
        return [row for callers in CALLERS for row in await compare(contenders, callers)]


def run() -> list[Row]:
    """Measure all in one run."""
    with (
        storage("aws") as (address, names),
        storage_set(Backend.EMBEDDED) as embedded,
        storage_set(Backend.AWS) as aws,
        server("bare") as echo_address,
    ):
        return asyncio.run(measure((address, names[0]), embedded.address, (aws.address, aws.endpoint), echo_address))

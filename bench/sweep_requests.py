"""What a sweep on AWS costs in requests, counted where botocore sends them; and its speed beside bare boto3.

The engine sweeps through RetentionService over gRPC, on the emulator. The emulator copies its table for each
transaction, so that its time says more of itself than of a sweep: requests are what an account pays for.
`--whole` (of `python -m bench.sweep_requests`) is 20,000 expired of 60,000, and takes the better part of an hour.
"""

from __future__ import annotations

import argparse
import asyncio
import time
import uuid
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import grpc.aio
from mayfly.storage.v1.retention_service_pb2_grpc import add_RetentionServiceServicer_to_server
from rich.console import Console

from bench.report import Row, show
from bench.storage_server import emulator, now
from bench.sweep_stores import Full, fill_bucket
from mayfly_runtime.identity import CallerRegistry
from mayfly_runtime.server import ServerBuilder, ServerOptions
from mayfly_runtime.telemetry import Telemetry
from mayfly_storage.backends.aws.clients import make_clients
from mayfly_storage.backends.aws.testing import Wire, emulated_options, emulated_session, open_emulated
from mayfly_storage.collections_file import read_collections
from mayfly_storage.domain.privacy import Privacy
from mayfly_storage.domain.timing import Timing
from mayfly_storage.transport.errors import DOMAIN, ERROR_TABLE
from mayfly_storage.transport.retention_servicer import RetentionServicer
from mayfly_storage.usecases.assembly import RetentionUseCases, World
from mayfly_sweeper.adapters.retention_client import RetentionClient
from mayfly_sweeper.domain.selection import Passes
from mayfly_sweeper.domain.sweep import SweepOrder
from mayfly_sweeper.usecases.sweep import SweepEngine

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mayfly_storage.backends.aws.options import AwsOptions
    from mayfly_storage.domain.audio import Audio
    from mayfly_storage.domain.stores import Backend

FULL: Final = Full(expired=2_000, live=4_000)
WHOLE: Final = Full(expired=20_000, live=40_000)
ONE_BY_ONE: Final = 100
_S3: Final = ("HeadBucket", "HeadObject", "GetObject", "DeleteObjects", "ListObjectsV2", "ListMultipartUploads")
_LONG: Final = timedelta(hours=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Of one sweep, and of doing without one."""

    s3: float
    catalog: float
    """Requests for a thousand deletions."""
    swept: float
    bare: float
    one_by_one: float
    """Objects in a second."""


async def measure(full: Full) -> Cost:
    """Fill, sweep and count; then bare boto3 over as many objects, and one by one."""
    session = emulated_session()
    wire = Wire(session)
    async with AsyncExitStack() as stack:
        options = emulated_options(stack.enter_context(emulator()), read_timeout=timedelta(minutes=2))
        backend = await stack.enter_async_context(open_emulated(options, now=now, session=session))
        await asyncio.to_thread(fill_bucket, options, full)
        client = RetentionClient(
            await stack.enter_async_context(grpc.aio.insecure_channel(f"127.0.0.1:{await _serving(stack, backend)}")),
            target="storage",
            call_timeout=_LONG,
        )
        engine = SweepEngine(retention=client, now=now, monotonic=time.monotonic, max_clock_skew=timedelta(minutes=5))
        wire.forget()
        begun = time.perf_counter()
        ending = await engine(SweepOrder(time_budget=_LONG, passes=Passes.DUE))
        seconds = time.perf_counter() - begun
        assert ending.report.deleted == ending.report.verified_gone == full.expired, ending
        to_s3 = sum(wire.counts[each] for each in _S3)
        per_thousand = 1_000 / full.expired
        return Cost(
            s3=to_s3 * per_thousand,
            catalog=(wire.counts.total() - to_s3) * per_thousand,
            swept=full.expired / seconds,
            bare=await asyncio.to_thread(_bare, options, full.expired),
            one_by_one=await asyncio.to_thread(_one_by_one, options),
        )


async def _serving(stack: AsyncExitStack, backend: Backend) -> int:
    world = World(
        backend=backend,
        collections=read_collections(),
        privacy=Privacy(secret=bytes(32)),
        timing=Timing(),
        now=now,
        new_id=uuid.uuid4,
        new_attempt=lambda: uuid.uuid4().hex,
    )
    builder = ServerBuilder(
        ServerOptions(listen="127.0.0.1:0", default_deadline=_LONG),
        domain=DOMAIN,
        errors=ERROR_TABLE,
        callers=CallerRegistry.loopback_only(),
        telemetry=Telemetry.disabled(),
    )
    servicer = RetentionServicer(RetentionUseCases.over(world))
    builder.add(add_RetentionServiceServicer_to_server, servicer, service="mayfly.storage.v1.RetentionService")
    server = await builder.start()
    stack.push_async_callback(server.stop_now)
    return server.port


def _bare(options: AwsOptions, count: int) -> float:
    """DeleteObjects by the thousand, and not a look at a row."""
    keys = [audio.object_key for audio in fill_bucket(options, Full(expired=count, live=0))]
    with closing(make_clients(options, session=emulated_session())) as clients:
        begun = time.perf_counter()
        for start in range(0, count, 1_000):
            some = [{"Key": key} for key in keys[start : start + 1_000]]
            clients.s3.delete_objects(Bucket=options.bucket, Delete={"Objects": some})  # type: ignore[typeddict-item] # a dict is one
        return count / (time.perf_counter() - begun)


def _one_by_one(options: AwsOptions) -> float:
    """What a script does: the object, then the row."""
    audios: Sequence[Audio] = fill_bucket(options, Full(expired=ONE_BY_ONE, live=0))
    with closing(make_clients(options, session=emulated_session())) as clients:
        begun = time.perf_counter()
        for audio in audios:
            clients.s3.delete_object(Bucket=options.bucket, Key=audio.object_key)
            key = {"date": {"S": audio.name.date}, "audio_id": {"S": audio.name.audio_id}}
            clients.dynamodb.delete_item(TableName=options.table, Key=key)
        return ONE_BY_ONE / (time.perf_counter() - begun)


def rows(cost: Cost, full: Full) -> list[Row]:
    """Requests beside what they may be; speed beside the peers."""
    what = f"{full.expired:,} of {full.expired + full.live:,}"
    counted = [("S3", cost.s3, 4.0), ("DynamoDB", cost.catalog, 45.0)]
    peers = [("one by one, without looking back", cost.one_by_one), ("bare delete_objects, without rows", cost.bare)]
    return [
        *(
            Row(
                name=f"{name}, for a thousand deletions ({what})",
                unit="requests",
                measured=requests,
                limit=allowed,
                limit_name="allowed",
                goal=1.0,
                higher_is_better=False,
            )
            for name, requests, allowed in counted
        ),
        *(
            Row(
                name=f"sweep on the emulator ({what})",
                unit="objects/s",
                measured=cost.swept,
                limit=speed,
                limit_name=name,
                goal=None,
                higher_is_better=True,
            )
            for name, speed in peers
        ),
    ]


def run(full: Full = FULL) -> list[Row]:
    """Count."""
    return rows(asyncio.run(measure(full)), full)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.sweep_requests", description=__doc__)
    parser.add_argument("--whole", action="store_true", help="20,000 expired of 60,000")
    show(run(WHOLE if parser.parse_args().whole else FULL), Console())

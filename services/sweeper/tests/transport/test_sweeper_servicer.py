"""SweeperService: sweeps are begun, watched, found and listed. Its certificates: test_certificate_pages.py."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC
from typing import TYPE_CHECKING

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from mayfly.sweeper.v1 import sweeper_service_pb2 as pb
from mayfly.sweeper.v1.sweep_pb2 import Sweep

from mayfly_runtime.testing import rpc_error
from mayfly_sweeper.domain.errors import StorageUnavailableError
from mayfly_sweeper.domain.items import DueReason

if TYPE_CHECKING:
    from mayfly.sweeper.v1.sweeper_service_pb2_grpc import SweeperServiceStub

    from mayfly_runtime.testing import FakeClock
    from mayfly_sweeper.testing import FakeRetention

UNKNOWN = "sweeps/0b1f2c3d-0000-4000-8000-000000000000"


def request(**fields: object) -> pb.StartSweepRequest:
    return pb.StartSweepRequest(**{"request_id": str(uuid.uuid4()), **fields})


async def sweep(stub: SweeperServiceStub, **fields: object) -> Sweep:
    """Begin a sweep and wait for its end."""
    begun = (await stub.StartSweep(request(**fields))).sweep
    *_, last = [response.sweep async for response in stub.WatchSweep(pb.WatchSweepRequest(name=begun.name))]
    return last


async def test_a_sweep_is_watched_from_its_start_to_its_report(
    stub: SweeperServiceStub, retention: FakeRetention, clock: FakeClock
) -> None:
    retention.add("audio/1", late=30)
    retention.add_live_object("key/live")

    done = await sweep(stub)

    assert done.state == Sweep.STATE_CLEAN
    assert [(line.reason, line.found, line.deleted, line.size_bytes) for line in done.report.lines] == [
        ("EXPIRED", 1, 1, 100)
    ]
    assert done.report.objects_seen == 1
    assert done.report.verified_gone == 1
    assert done.report.listings_complete
    assert done.report.max_lateness_seconds == 30
    assert done.report.store_time.ToDatetime(tzinfo=UTC) == clock.now()
    assert done.HasField("end_time")
    assert (await stub.GetSweep(pb.GetSweepRequest(name=done.name))).sweep == done


async def test_a_time_budget_of_the_callers_own_is_kept(stub: SweeperServiceStub, retention: FakeRetention) -> None:
    retention.add("audio/1")

    done = await sweep(stub, time_budget=Duration(seconds=1))

    assert done.state == Sweep.STATE_CLEAN


async def test_a_dry_run_deletes_nothing(stub: SweeperServiceStub, retention: FakeRetention) -> None:
    retention.add("audio/1")

    done = await sweep(stub, dry_run=True)

    assert done.dry_run
    assert retention.left == {"audio/1"}


async def test_a_guard_ends_a_sweep_as_guarded_with_its_reason(
    stub: SweeperServiceStub, retention: FakeRetention
) -> None:
    retention.add("audio/1")
    retention.add("audio/2")

    done = await sweep(stub, max_delete_count=1)

    assert done.state == Sweep.STATE_GUARDED
    assert "max_delete_count allows 1" in done.failure
    assert retention.left == {"audio/1", "audio/2"}


async def test_a_storage_that_is_down_ends_a_sweep_as_failed(
    stub: SweeperServiceStub, retention: FakeRetention
) -> None:
    for listing in ("list_expired", "list_orphans"):
        retention.faults.calls[listing, 1] = StorageUnavailableError("storage does not answer")

    done = await sweep(stub)

    assert done.state == Sweep.STATE_FAILED
    assert done.failure == "storage does not answer"


async def test_a_retry_gets_the_sweep_that_it_began(stub: SweeperServiceStub) -> None:
    first = request()

    names = {(await stub.StartSweep(first)).sweep.name for _ in range(3)}

    assert len(names) == 1


async def test_a_request_id_for_another_order_is_refused(stub: SweeperServiceStub) -> None:
    first = request(dry_run=True)
    await stub.StartSweep(first)

    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await stub.StartSweep(request(request_id=first.request_id))

    assert rpc_error(failed).reason == "INVALID_REQUEST"
    assert rpc_error(failed).fields == ("request_id",)


async def test_a_second_real_sweep_is_told_which_one_runs(
    stub: SweeperServiceStub, retention: FakeRetention, hold: asyncio.Event
) -> None:
    running = (await stub.StartSweep(request())).sweep

    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await stub.StartSweep(request())

    assert rpc_error(failed).code is grpc.StatusCode.FAILED_PRECONDITION
    assert rpc_error(failed).reason == "SWEEP_RUNNING"
    assert rpc_error(failed).metadata == {"name": running.name}
    hold.set()


@pytest.fixture
async def hold(retention: FakeRetention, monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Holds a sweep at its first listing until it is set."""
    held = asyncio.Event()
    list_expired = retention.list_expired

    async def wait(*arguments: object) -> object:
        await held.wait()
        return await list_expired(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(retention, "list_expired", wait)
    return held


@pytest.mark.parametrize(
    ("fields", "blamed"),
    [
        ({"request_id": ""}, "request_id"),
        ({"request_id": "not-a-uuid"}, "request_id"),
        ({"max_delete_count": -1}, "max_delete_count"),
        ({"time_budget": Duration(nanos=999_999_999)}, "time_budget"),
        ({"time_budget": Duration(seconds=-5)}, "time_budget"),
        ({"time_budget": Duration(seconds=10**15)}, "time_budget"),
    ],
)
async def test_a_wrong_start_is_refused_with_the_field(
    stub: SweeperServiceStub, fields: dict[str, object], blamed: str
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await stub.StartSweep(request(**fields))

    assert rpc_error(failed).code is grpc.StatusCode.INVALID_ARGUMENT
    assert rpc_error(failed).reason == "INVALID_REQUEST"
    assert rpc_error(failed).domain == "sweeper.mayfly"
    assert rpc_error(failed).fields == (blamed,)


async def test_all_problems_of_a_start_are_told_at_once(stub: SweeperServiceStub) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await stub.StartSweep(pb.StartSweepRequest(max_delete_count=-1, time_budget=Duration()))

    assert rpc_error(failed).fields == ("request_id", "time_budget", "max_delete_count")


@pytest.mark.parametrize("name", ["", "sweeps/", "sweeps/1", "audio/2025-12-08/x", f"{UNKNOWN}/"])
async def test_what_is_no_name_of_a_sweep_is_refused(stub: SweeperServiceStub, name: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as get:
        await stub.GetSweep(pb.GetSweepRequest(name=name))
    with pytest.raises(grpc.aio.AioRpcError) as watch:
        await stub.WatchSweep(pb.WatchSweepRequest(name=name)).read()

    assert [rpc_error(failed).fields for failed in (get, watch)] == [("name",), ("name",)]


async def test_a_sweep_that_nobody_began_is_not_found(stub: SweeperServiceStub) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as get:
        await stub.GetSweep(pb.GetSweepRequest(name=UNKNOWN))
    with pytest.raises(grpc.aio.AioRpcError) as watch:
        await stub.WatchSweep(pb.WatchSweepRequest(name=UNKNOWN)).read()

    for failed in (get, watch):
        assert rpc_error(failed).code is grpc.StatusCode.NOT_FOUND
        assert rpc_error(failed).reason == "SWEEP_NOT_FOUND"
        assert rpc_error(failed).metadata == {"name": UNKNOWN}


async def test_the_list_is_paged_newest_first(stub: SweeperServiceStub) -> None:
    names = [(await sweep(stub)).name for _ in range(5)]
    listed: list[str] = []
    token = ""
    while True:
        page = await stub.ListSweeps(pb.ListSweepsRequest(page_size=2, page_token=token))
        listed += [one.name for one in page.sweeps]
        if not (token := page.next_page_token):
            break

    assert listed == names[::-1]


async def test_a_foreign_page_token_is_refused(stub: SweeperServiceStub) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await stub.ListSweeps(pb.ListSweepsRequest(page_token="made-up"))

    assert rpc_error(failed).reason == "PAGE_TOKEN_INVALID"
    assert rpc_error(failed).code is grpc.StatusCode.INVALID_ARGUMENT


async def test_a_negative_page_size_is_refused(stub: SweeperServiceStub) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await stub.ListSweeps(pb.ListSweepsRequest(page_size=-1))

    assert rpc_error(failed).fields == ("page_size",)


async def test_a_selection_narrows_a_sweep(stub: SweeperServiceStub, retention: FakeRetention) -> None:
    day = 86_400
    retention.add("audio/taken", late=2 * day, object_key="debug/a", location="S3")
    retention.add("audio/young", late=60, object_key="debug/b", location="S3")
    retention.add("audio/elsewhere", late=2 * day, object_key="temp-audio/c", location="S3")
    retention.add("audio/local", late=2 * day, object_key="debug/d")
    retention.add("key/orphan", reason=DueReason.ORPHAN_OBJECT, late=2 * day, object_key="debug/e", location="S3")

    done = await sweep(
        stub,
        older_than=Duration(seconds=day),
        object_key_prefix="debug/",
        store=pb.StartSweepRequest.STORE_S3,
        passes=pb.StartSweepRequest.PASSES_DUE,
    )

    assert retention.left.isdisjoint({"audio/taken"})
    assert len(retention.left) == 4
    assert (done.report.deleted_local, done.report.deleted_s3) == (0, 1)


async def test_shares_are_shared_out(stub: SweeperServiceStub, retention: FakeRetention) -> None:
    for number in range(12):
        retention.add(f"audio/{number}")

    first = await sweep(stub, shard=pb.Shard(index=0, count=2))
    left = len(retention.left)
    await sweep(stub, shard=pb.Shard(index=1, count=2))

    assert first.report.deleted_local == 12 - left
    assert retention.left == set()


async def test_too_large_a_share_of_the_store_is_guarded(stub: SweeperServiceStub, retention: FakeRetention) -> None:
    retention.add("key/orphan", reason=DueReason.ORPHAN_OBJECT)

    done = await sweep(stub, max_delete_ratio=0.5)

    assert done.state == Sweep.STATE_GUARDED


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"shard": pb.Shard(index=2, count=2)}, "shard"),
        ({"shard": pb.Shard(index=1)}, "shard.count"),
        ({"older_than": Duration(seconds=-1)}, "older_than"),
        ({"older_than": Duration(seconds=300_000_000_000)}, "older_than"),
        ({"max_delete_ratio": 1.1}, "max_delete_ratio"),
        ({"max_delete_ratio": 0.5, "passes": pb.StartSweepRequest.PASSES_DUE}, "max_delete_ratio"),
        ({"max_delete_count": -1}, "max_delete_count"),
        ({"object_key_prefix": "x" * 1025}, "object_key_prefix"),
        ({"store": 9}, "store"),
        ({"passes": 9}, "passes"),
    ],
)
async def test_what_cannot_be_meant_is_told_by_its_field(
    stub: SweeperServiceStub, fields: dict[str, object], field: str
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.StartSweep(request(**fields))

    assert rpc_error(caught).fields == (field,)

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from mayfly_client import SweepNotFoundError, SweepState

if TYPE_CHECKING:
    from mayfly_client.testing import FakeMayfly


async def expired_audio(mayfly: Any, fake: FakeMayfly, count: int = 1) -> None:
    for number in range(count):
        await mayfly.call("save", bytes([number]), collection="temp-audio", content_type="audio/wav", ttl=60)
    fake.clock.advance(timedelta(minutes=1))


async def test_a_sweep_deletes_what_has_expired_and_says_so(mayfly: Any, fake: FakeMayfly) -> None:
    await expired_audio(mayfly, fake, count=2)

    begun = await mayfly.call("start_sweep")
    seen = await mayfly.collect("watch_sweep", begun.name)

    assert [each.state for each in seen] == [SweepState.RUNNING, SweepState.CLEAN]
    assert (seen[-1].report.found, seen[-1].report.deleted, seen[-1].report.verified_gone) == (2, 2, 2)
    assert [line.reason for line in seen[-1].report.lines] == ["EXPIRED"]
    assert seen[-1] == await mayfly.call("get_sweep", begun.name)


async def test_a_dry_run_only_looks(mayfly: Any, fake: FakeMayfly) -> None:
    await expired_audio(mayfly, fake)

    dry = [await mayfly.call("get_sweep", (await mayfly.call("start_sweep", dry_run=True)).name) for _ in range(2)]

    assert [each.report.deleted for each in dry] == [1, 1]
    assert all(each.dry_run for each in dry)


async def test_a_guard_stops_a_sweep(mayfly: Any, fake: FakeMayfly) -> None:
    await expired_audio(mayfly, fake, count=2)

    sweep = await mayfly.call("get_sweep", (await mayfly.call("start_sweep", max_delete_count=1)).name)

    assert sweep.state is SweepState.GUARDED
    assert "max_delete_count is 1" in sweep.failure


async def test_other_collections_are_left_alone(mayfly: Any, fake: FakeMayfly) -> None:
    await expired_audio(mayfly, fake)

    sweep = await mayfly.call("get_sweep", (await mayfly.call("start_sweep", collection="debug")).name)

    assert sweep.report.found == 0


async def test_sweeps_are_remembered_newest_first(mayfly: Any) -> None:
    names = [(await mayfly.call("start_sweep")).name for _ in range(3)]

    listed = await mayfly.collect("list_sweeps", page_size=2)

    assert [each.name for each in listed] == names[::-1]


async def test_an_unknown_sweep(mayfly: Any) -> None:
    with pytest.raises(SweepNotFoundError):
        await mayfly.call("get_sweep", "sweeps/none")
    with pytest.raises(SweepNotFoundError):
        await mayfly.collect("watch_sweep", "sweeps/none")


async def test_a_sweep_takes_only_what_was_selected(mayfly: Any, fake: FakeMayfly) -> None:
    await expired_audio(mayfly, fake)

    for narrowed in ({"older_than": 60}, {"path": "debug/"}, {"store": "s3"}):
        sweep = await mayfly.call("get_sweep", (await mayfly.call("start_sweep", **narrowed)).name)
        assert sweep.report.found == 0, narrowed
    fake.clock.advance(timedelta(minutes=1))
    begun = await mayfly.call("start_sweep", older_than=timedelta(minutes=1), path="temp-audio/", store="local")

    report = (await mayfly.call("get_sweep", begun.name)).report
    assert (report.deleted, report.deleted_local, report.deleted_s3) == (1, 1, 0)


async def test_a_store_that_is_none_is_told(mayfly: Any) -> None:
    with pytest.raises(ValueError, match="'tape'"):
        await mayfly.call("start_sweep", store="tape")


async def test_what_was_deleted_by_name_has_a_receipt_after_the_next_sweep(mayfly: Any) -> None:
    saved = await mayfly.call("save", b"x", collection="temp-audio", content_type="audio/wav")
    await mayfly.call("delete", saved.name)

    before = await mayfly.call("receipts", [saved.name])
    await mayfly.call("start_sweep")
    after = await mayfly.call("receipts", [saved.name, "audio/2025-12-08/f47ac10b-58cc-4372-a567-0e02b2c3d479"])

    assert before == {}
    assert list(after) == [saved.name]
    assert (after[saved.name].reason, after[saved.name].outcome, after[saved.name].verified) == (
        "REQUESTED",
        "DELETED",
        True,
    )


async def test_a_receipt_can_be_waited_for(mayfly: Any, fake: FakeMayfly) -> None:
    saved = await mayfly.call("save", b"x", collection="temp-audio", content_type="audio/wav")
    await mayfly.call("delete", saved.name)
    waiting = asyncio.ensure_future(mayfly.call("receipts", [saved.name], wait=timedelta(seconds=30), interval=0.01))
    while sum(call.method == "ListCertificates" for call in fake.calls) < 3:  # noqa: ASYNC110 - calls have no event
        await asyncio.sleep(0.01)

    await asyncio.to_thread(_sweep, fake)

    assert list(await waiting) == [saved.name]


async def test_waiting_for_a_receipt_has_an_end(mayfly: Any) -> None:
    name = "audio/2025-12-08/f47ac10b-58cc-4372-a567-0e02b2c3d479"

    assert await mayfly.call("receipts", [name], wait=0.03, interval=0.01) == {}


def _sweep(fake: FakeMayfly) -> None:
    with fake.client() as client:
        client.start_sweep()

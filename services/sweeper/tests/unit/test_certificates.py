"""Each real sweep leaves a certificate: what it deleted, what the store said of it, and the hash of the one before."""

from __future__ import annotations

import hashlib
import json
import uuid
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from mayfly_sweeper.domain.certificate import Setting, canonical
from mayfly_sweeper.domain.errors import CertificateConflictError, StorageUnavailableError
from mayfly_sweeper.domain.items import DueReason
from mayfly_sweeper.domain.selection import Passes, Selection
from mayfly_sweeper.domain.sweep import SweepState
from mayfly_sweeper.usecases import witness
from mayfly_sweeper.usecases.certified import CertifiedEngine
from mayfly_sweeper.usecases.witness import Sources

if TYPE_CHECKING:
    from mayfly_runtime.testing import FakeClock
    from mayfly_sweeper.domain.sweep import SweepOrder
    from mayfly_sweeper.testing import FakeRetention
    from mayfly_sweeper.usecases.sweep import SweepEngine

DOWN = StorageUnavailableError("storage does not answer")


@pytest.fixture
def certified(engine: SweepEngine, retention: FakeRetention, clock: FakeClock) -> CertifiedEngine:
    sources = Sources(
        retention=retention, certificates=retention, now=clock.now, new_id=uuid.uuid4, version="0.0.0-test"
    )
    return CertifiedEngine(engine=engine, sources=sources)


def documents(retention: FakeRetention) -> list[dict[str, Any]]:
    return [json.loads(one.body) for one in retention.certificates]


async def test_a_sweep_leaves_what_it_did_item_by_item(
    certified: CertifiedEngine, order: SweepOrder, retention: FakeRetention
) -> None:
    gone = retention.add("audio/2026-01-01/a", late=60, size_bytes=7)
    retention.add("users/u1/recordings/r/audio.wav", reason=DueReason.ORPHAN_OBJECT)

    ending = await certified(order)

    [document] = documents(retention)
    assert ending.certificate == 1
    assert gone.due_time is not None
    assert document["results"][0] == {
        "name": "audio/2026-01-01/a",
        "reason": "EXPIRED",
        "outcome": "DELETED",
        "verified": True,
        "bytes": 7,
        "due": f"{gone.due_time:%Y-%m-%dT%H:%M:%S.%fZ}",
    }
    # A key may hold a user's id: only its hash is kept.
    key = hashlib.sha256(b"users/u1/recordings/r/audio.wav").hexdigest()
    assert document["results"][1]["key_sha256"] == key
    assert b"u1" not in retention.certificates[0].body
    assert document["totals"]["verified_gone"] == 2
    assert (document["last"], document["proves"]) == (True, True)


async def test_each_certificate_names_the_hash_of_the_one_before(
    certified: CertifiedEngine, order: SweepOrder, retention: FakeRetention
) -> None:
    for number in range(3):
        retention.add(f"audio/{number}")
        await certified(order)

    for before, after in pairwise(retention.certificates):
        assert json.loads(after.body)["previous_sha256"] == hashlib.sha256(before.body).hexdigest()
    assert documents(retention)[0]["previous_sha256"] == ""


async def test_a_certificate_is_canonical(
    certified: CertifiedEngine, order: SweepOrder, retention: FakeRetention
) -> None:
    await certified(order)
    [one] = retention.certificates
    assert canonical(json.loads(one.body)) == one.body


async def test_a_dry_run_leaves_none(certified: CertifiedEngine, order: SweepOrder, retention: FakeRetention) -> None:
    retention.add("audio/1")
    ending = await certified(replace(order, dry_run=True))
    assert (ending.certificate, retention.certificates) == (0, [])


async def test_a_large_sweep_leaves_it_in_parts(
    certified: CertifiedEngine, order: SweepOrder, retention: FakeRetention, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(witness, "ENTRIES_OF_A_PART", 4)
    for number in range(10):
        retention.add(f"audio/{number}")

    ending = await certified(order)

    parts = documents(retention)
    assert [(one["part"], one["last"], len(one["results"])) for one in parts] == [
        (1, False, 4),
        (2, False, 4),
        (3, True, 2),
    ]
    assert len({one["sweep"] for one in parts}) == 1
    assert {entry["name"] for one in parts for entry in one["results"]} == {f"audio/{n}" for n in range(10)}
    assert ending.certificate == 3


async def test_two_sweeps_at_once_stand_one_behind_the_other(
    certified: CertifiedEngine, order: SweepOrder, retention: FakeRetention
) -> None:
    retention.faults.calls["append", 1] = CertificateConflictError()
    retention.faults.calls["append", 2] = CertificateConflictError()

    ending = await certified(order)

    assert ending.certificate == 1


async def test_a_sweep_whose_certificate_cannot_be_stored_is_not_clean(
    certified: CertifiedEngine, order: SweepOrder, retention: FakeRetention
) -> None:
    retention.add("audio/1")
    retention.faults.calls["append", 1] = DOWN

    ending = await certified(order)

    assert ending.state is SweepState.PARTIAL
    assert ending.notes == (f"The sweep has no certificate, because it could not be stored: {DOWN}",)
    assert retention.left == set()


async def test_a_part_that_cannot_be_stored_is_part_of_the_next(
    certified: CertifiedEngine, order: SweepOrder, retention: FakeRetention, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(witness, "ENTRIES_OF_A_PART", 3)
    for number in range(7):
        retention.add(f"audio/{number}")
    retention.faults.calls["append", 1] = DOWN

    ending = await certified(order)

    assert ending.state is SweepState.CLEAN
    assert sum(len(one["results"]) for one in documents(retention)) == 7
    assert [one["part"] for one in documents(retention)] == [1, 2, 3]


async def test_what_is_beyond_all_bounds_is_counted_and_proves_nothing(
    certified: CertifiedEngine, order: SweepOrder, retention: FakeRetention, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(witness, "MOST_ENTRIES", 2)
    for number in range(5):
        retention.add(f"audio/{number}")

    await certified(order)

    [document] = documents(retention)
    assert (len(document["results"]), document["results_omitted"]) == (2, 3)
    assert document["proves"] is False


async def test_only_a_whole_and_clean_sweep_proves_something(
    certified: CertifiedEngine, order: SweepOrder, retention: FakeRetention
) -> None:
    narrower = (
        replace(order, passes=Passes.DUE),
        replace(order, selection=Selection(collection="debug")),
        replace(order, selection=Selection(older_than=timedelta(days=1))),
    )
    for narrow in narrower:
        await certified(narrow)
    retention.add("audio/1")
    retention.faults.items["audio/1"] = "BACKEND_UNAVAILABLE"
    await certified(order)
    retention.faults.items.clear()
    retention.store = replace(retention.store, settings=(Setting(name="versioning", seen="on", deletes=False),))
    await certified(order)
    assert [one["proves"] for one in documents(retention)] == [False] * 5

    retention.store = replace(retention.store, settings=(Setting(name="versioning", seen="off", deletes=True),))
    await certified(order)
    last = documents(retention)[-1]
    assert last["proves"] is True
    assert last["store"]["settings"] == [{"name": "versioning", "seen": "off", "deletes": True}]


async def test_a_guard_that_stopped_a_sweep_is_on_record(
    certified: CertifiedEngine, order: SweepOrder, retention: FakeRetention
) -> None:
    retention.add("audio/1")
    retention.add("audio/2")

    ending = await certified(replace(order, max_delete_count=1))

    assert (ending.state, ending.certificate) == (SweepState.GUARDED, 1)
    assert documents(retention)[0]["totals"]["state"] == "GUARDED"
    assert documents(retention)[0]["proves"] is False

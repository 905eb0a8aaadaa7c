"""What quotas cost in requests to DynamoDB, and what stands in the table because of them."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx
import pytest

from mayfly_storage.backends.aws.backend import open_aws
from mayfly_storage.backends.aws.testing import emulated_session
from mayfly_storage.domain.errors import QuotaRefusedError
from mayfly_storage.domain.ports import AudioFilter
from mayfly_storage.domain.pricing import INDEX_WRITES, ROW_WRITES
from mayfly_storage.domain.quotas import QuotaLimits, QuotaRequest, QuotaUse, Reservation, Work, tallies
from mayfly_storage.domain.timing import Timing
from mayfly_storage.domain.uploads import Subject
from mayfly_storage.testing import SOUND, a_request, an_audio
from mayfly_storage.testing.stage import Stage
from mayfly_storage.testing.worlds import a_world
from mayfly_storage.usecases.assembly import StorageUseCases

if TYPE_CHECKING:
    from mayfly_runtime.testing import FakeClock
    from mayfly_storage.backends.aws.clients import Clients
    from mayfly_storage.backends.aws.options import AwsOptions
    from mayfly_storage.backends.aws.testing import Wire
    from mayfly_storage.domain.audio import Audio
    from mayfly_storage.domain.stores import Backend

ADDRESS = "203.0.113.7"
GUEST = Subject(guest_address=ADDRESS)


@pytest.fixture
def storage(backend: Backend, clock: FakeClock) -> StorageUseCases:
    world = a_world(backend, clock.now)
    return StorageUseCases.over(world)


def asks(**work: int) -> QuotaRequest:
    return QuotaRequest(
        caller="synth", request_id=str(uuid4()), subject=GUEST, collection="temp-audio", work=Work(**work)
    )


async def save(storage: StorageUseCases, token: str) -> None:
    wanted = Stage().wish(subject=GUEST, quota_reservation=token)
    audio, grant = await storage.create_upload(wanted)
    assert grant is not None
    async with httpx.AsyncClient(timeout=60) as http:
        assert (await http.put(grant.url, headers=grant.headers, content=SOUND)).status_code == 200
    await storage.commit_upload(audio.name, grant.attempt)


async def test_a_save_with_a_reservation_costs_one_request_more(storage: StorageUseCases, wire: Wire) -> None:
    token, _ = await storage.reserve_quota(asks(characters=20, size_bytes=100))
    assert wire.counts == Counter({"TransactWriteItems": 1})
    wire.forget()

    await save(storage, token)

    assert wire.counts == Counter({"TransactWriteItems": 1, "HeadObject": 1, "UpdateItem": 1})


async def test_a_save_that_counts_itself_costs_no_request_more(storage: StorageUseCases, wire: Wire) -> None:
    await save(storage, "")

    assert wire.counts == Counter({"TransactWriteItems": 1, "HeadObject": 1, "UpdateItem": 1})


async def test_the_estimate_of_cost_knows_what_one_audio_writes_into_the_table(
    backend: Backend, storage: StorageUseCases, clock: FakeClock, wire: Wire
) -> None:
    """From the reservation of quota to the end of the row; DynamoDB takes two units for each write of a transaction."""
    token, _ = await storage.reserve_quota(asks(characters=20, size_bytes=len(SOUND)))
    await save(storage, token)
    [ready] = (await backend.catalog.list_audio(AudioFilter(collection="temp-audio"), limit=10)).items
    tombstones = [audio for audio in await backend.catalog.begin_delete([ready], clock.now()) if audio is not None]
    await backend.catalog.remove(tombstones)

    bodies = [json.loads(str(request.body, "utf-8")) for request in wire.requests("TransactWriteItems")]
    units = 2 * sum(len(body["TransactItems"]) for body in bodies) + len(wire.requests("UpdateItem"))
    assert units + INDEX_WRITES == ROW_WRITES


async def test_two_replicas_at_one_table_keep_one_limit(
    backend: Backend, options: AwsOptions, clock: FakeClock
) -> None:
    limits = QuotaLimits(requests_per_minute=10)

    async def count(replica: Backend) -> None:
        expire_time = clock.now() + timedelta(minutes=15)
        wanted = Reservation(caller="c", request_id=str(uuid4()), fingerprint="f", expire_time=expire_time)
        await replica.catalog.reserve_quota(wanted, tallies(limits, Work(), whose="x", now=clock.now()))

    async with open_aws(options, timing=Timing(), now=clock.now, session=emulated_session()) as other:
        outcomes = await asyncio.gather(
            *(count(replica) for _ in range(32) for replica in (backend, other)), return_exceptions=True
        )

    assert outcomes.count(None) == 10
    assert {type(outcome) for outcome in outcomes if outcome is not None} == {QuotaRefusedError}


async def test_a_refusal_costs_one_request(backend: Backend, clock: FakeClock, wire: Wire) -> None:
    cost = tallies(QuotaLimits(requests_per_minute=1), Work(requests=2), whose="x", now=clock.now())
    wanted = Reservation(caller="c", request_id=str(uuid4()), fingerprint="f", expire_time=clock.now())

    with pytest.raises(QuotaRefusedError):
        await backend.catalog.reserve_quota(wanted, cost)

    assert wire.counts == Counter({"TransactWriteItems": 1})


async def test_a_lost_answer_counts_once(backend: Backend, clock: FakeClock, wire: Wire) -> None:
    limits = QuotaLimits(requests_per_minute=1)
    cost = tallies(limits, Work(), whose="x", now=clock.now())
    expire_time = clock.now() + timedelta(minutes=15)
    wanted = Reservation(caller="c", request_id=str(uuid4()), fingerprint="f", expire_time=expire_time)
    wire.lose_answer("TransactWriteItems")

    assert await backend.catalog.reserve_quota(wanted, cost) == wanted

    with pytest.raises(QuotaRefusedError):
        await backend.catalog.reserve_quota(replace(wanted, request_id=str(uuid4())), cost)


async def test_an_upload_whose_answer_is_lost_is_counted_once(
    backend: Backend, audio: Audio, clock: FakeClock, wire: Wire
) -> None:
    cost = tuple(tallies(QuotaLimits(requests_per_minute=2), Work(), whose="x", now=clock.now()))
    wire.lose_answer("TransactWriteItems")

    await backend.catalog.reserve(audio, a_request(audio), pays=QuotaUse(tallies=cost))

    second, third = (an_audio(create_time=clock.now(), location=audio.location) for _ in range(2))
    await backend.catalog.reserve(second, a_request(second), pays=QuotaUse(tallies=cost))
    with pytest.raises(QuotaRefusedError):
        await backend.catalog.reserve(third, a_request(third), pays=QuotaUse(tallies=cost))


async def test_what_stands_in_the_table_names_nobody_and_goes_by_itself(
    storage: StorageUseCases, raw: Clients, options: AwsOptions, clock: FakeClock
) -> None:
    await storage.reserve_quota(asks(characters=20))

    found: Any = await asyncio.to_thread(raw.dynamodb.scan, TableName=options.table)

    assert len(found["Items"]) == 3  # the reservation, a minute, a day
    assert ADDRESS not in str(found["Items"])
    ends = [int(item["ttl"]["N"]) for item in found["Items"]]
    assert all(clock.now().timestamp() < end <= (clock.now() + timedelta(hours=26)).timestamp() for end in ends)

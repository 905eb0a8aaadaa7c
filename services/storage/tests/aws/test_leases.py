"""D2 under a lease at S3: the request says its own end, and is sent once. The TTL waits for leases, too."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.exceptions import ReadTimeoutError

from mayfly_storage.backends.aws.rows import claim_key, key_of
from mayfly_storage.backends.aws.testing import response_to
from mayfly_storage.domain.audio import Lease, Location
from mayfly_storage.domain.errors import BackendUnavailableError
from mayfly_storage.domain.ports import DeleteOutcome
from mayfly_storage.domain.timing import Timing
from mayfly_storage.testing import an_audio
from mayfly_storage.usecases.erasing import EraseAudio, EraseOutcome

if TYPE_CHECKING:
    from botocore.awsrequest import AWSPreparedRequest, AWSResponse

    from mayfly_runtime.testing import FakeClock
    from mayfly_storage.backends.aws.attributes import Item
    from mayfly_storage.backends.aws.clients import Clients
    from mayfly_storage.backends.aws.options import AwsOptions
    from mayfly_storage.backends.aws.testing import Wire
    from mayfly_storage.domain.audio import Audio
    from mayfly_storage.domain.stores import Backend

KEY = "users/u-1/recordings/r ü/audio.wav"
MINUTE = timedelta(minutes=1)
TIMING = Timing()
_REFUSAL = "<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"


def end_of(request: AWSPreparedRequest) -> datetime:
    """When S3 refuses it, by what it says itself."""
    query = parse_qs(urlsplit(request.url).query)
    begin = datetime.strptime(query["X-Amz-Date"][0], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    return begin + timedelta(seconds=int(query["X-Amz-Expires"][0]))


async def a_row(backend: Backend, clock: FakeClock, **facts: object) -> Audio:
    audio = an_audio(create_time=clock.now(), location=Location.S3, object_key=KEY, claims_key=True, **facts)
    await backend.catalog.reserve(audio, None)
    return audio


def an_eraser(backend: Backend, clock: FakeClock) -> EraseAudio:
    return EraseAudio(
        catalog=backend.catalog, stores=backend.stores, timing=TIMING, now=clock.now, new_holder=lambda: "me"
    )


async def test_the_request_says_when_s3_has_to_refuse_it(backend: Backend, clock: FakeClock, wire: Wire) -> None:
    end = clock.now() + MINUTE

    assert await backend.stores.first.blobs.delete_until(end, [KEY]) == [DeleteOutcome.DELETED]

    [request] = wire.requests("DeleteObject")
    assert request.method == "DELETE"
    assert end - timedelta(seconds=1) < end_of(request) <= end
    assert "Authorization" not in request.headers


async def test_a_request_that_was_not_answered_is_not_sent_again(
    backend: Backend, clock: FakeClock, wire: Wire
) -> None:
    """The first of two could land last, when the lease is over."""
    wire.fail("DeleteObject", ReadTimeoutError(endpoint_url="http://lost.invalid"))

    with pytest.raises(BackendUnavailableError):
        await backend.stores.first.blobs.delete_until(clock.now() + MINUTE, [KEY])
    assert wire.counts["DeleteObject"] == 1


async def test_one_that_fails_leaves_the_others_alone(backend: Backend, clock: FakeClock, wire: Wire) -> None:
    wire.lose_answer("DeleteObject")

    outcomes = await backend.stores.first.blobs.delete_until(clock.now() + MINUTE, ["p/0", "p/1", "p/2"])

    assert sorted(outcomes) == [DeleteOutcome.DELETED, DeleteOutcome.DELETED, DeleteOutcome.FAILED]


async def test_a_delete_that_reaches_s3_after_its_lease_deletes_nothing(
    backend: Backend, clock: FakeClock, wire: Wire, raw: Clients, options: AwsOptions
) -> None:
    """Whatever held it up on its way; moto looks at no signature, so S3's part is played here."""
    audio = await a_row(backend, clock)
    raw.s3.put_object(Bucket=options.bucket, Key=KEY, Body=b"the next owner's, say")

    def as_s3_would(request: AWSPreparedRequest) -> AWSResponse | None:
        clock.advance(MINUTE)
        return response_to(request, 403, _REFUSAL) if clock.now() >= end_of(request) else None

    wire.stand_in("DeleteObject", as_s3_would)
    [erasure] = await an_eraser(backend, clock)([audio])

    assert erasure.outcome is EraseOutcome.UNFINISHED
    assert await backend.stores.first.blobs.present([KEY]) == {KEY}
    assert await backend.catalog.find_by_keys([KEY]) == {KEY: audio.name}


async def test_a_lease_costs_one_request_in_all(
    backend: Backend, clock: FakeClock, wire: Wire, raw: Clients, options: AwsOptions
) -> None:
    """D1 takes it; the deletion is of one key alone; row and claim go in one transaction, as ever."""
    audio = await a_row(backend, clock)
    raw.s3.put_object(Bucket=options.bucket, Key=KEY, Body=b"sound")
    clock.advance(timedelta(hours=1))
    wire.forget()

    [erasure] = await an_eraser(backend, clock)([audio])

    assert erasure.outcome is EraseOutcome.GONE
    assert wire.counts == {"TransactWriteItems": 2, "DeleteObject": 1, "HeadObject": 1}


async def test_row_and_claim_are_not_collected_while_they_are_leased(
    backend: Backend, clock: FakeClock, raw: Clients, options: AwsOptions
) -> None:
    """The sweeper was down for longer than the margin; the TTL could fire at any moment."""
    audio = await a_row(backend, clock, expire_time=clock.now() + MINUTE)
    clock.advance(TIMING.tombstone_margin + timedelta(hours=1))
    lease = Lease("me", clock.now() + MINUTE)

    await backend.catalog.begin_delete([audio], clock.now(), lease=lease)

    ttl = {name: _ttl(raw, options, key) for name, key in (("row", key_of(audio.name)), ("claim", claim_key(KEY)))}
    assert ttl["row"] >= lease.end.timestamp()
    assert ttl["claim"] >= ttl["row"] + TIMING.tombstone_margin.total_seconds()


async def test_a_row_whose_claim_another_audio_holds_gets_no_lease(
    backend: Backend, clock: FakeClock, raw: Clients, options: AwsOptions
) -> None:
    """Its own claim was collected before the row, against all order: nothing at the key is this row's to delete."""
    audio = await a_row(backend, clock, expire_time=clock.now() + MINUTE)
    raw.dynamodb.delete_item(TableName=options.table, Key=claim_key(KEY))
    successor = await a_row(backend, clock)
    clock.advance(TIMING.tombstone_margin + timedelta(hours=1))

    answer = await backend.catalog.begin_delete([audio], clock.now(), lease=Lease("me", clock.now() + MINUTE))

    assert answer == [None]
    assert await backend.catalog.find_by_keys([KEY]) == {KEY: successor.name}


def _ttl(raw: Clients, options: AwsOptions, key: Item) -> int:
    item = raw.dynamodb.get_item(TableName=options.table, Key=key, ConsistentRead=True)["Item"]
    return int(item["ttl"]["N"])

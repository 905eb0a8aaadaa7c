"""Work that is counted before it is done: for whom, how often, and what is told where there is no room."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from mayfly.storage.v1 import storage_service_pb2 as pb

from mayfly_client.testing import FakeMayfly
from mayfly_runtime.offload import Offload
from mayfly_synth.adapters.storage_sink import StorageSink
from mayfly_synth.domain.errors import (
    QuotaExceededError,
)
from mayfly_synth.domain.speech import Destination
from mayfly_synth.testing_speech import KEY, speech

NOWHERE = Destination()


def methods(mayfly: FakeMayfly) -> list[str]:
    return [call.method for call in mayfly.calls]


GUEST = Destination(guest_address="192.0.2.1")


async def test_work_for_a_subject_is_counted_before_it_is_done_and_pays_for_its_upload(
    sink: StorageSink, mayfly: FakeMayfly
) -> None:
    reservation = await sink.reserve(KEY, GUEST, characters=6, size_bytes=10)
    await sink.store(speech(), key=KEY, destination=GUEST, reservation=reservation)

    assert methods(mayfly) == ["ReserveQuota", "CreateUpload", "CommitUpload", "SignUrls"]
    asked, created = mayfly.calls[0].request, mayfly.calls[1].request
    assert isinstance(asked, pb.ReserveQuotaRequest)
    assert isinstance(created, pb.CreateUploadRequest)
    assert (asked.collection, asked.characters, asked.size_bytes) == ("temp-audio", 6, 10)
    assert asked.subject.guest_address == "192.0.2.1"
    assert created.quota_reservation == reservation


@pytest.mark.parametrize(("part", "is_kept", "uploads"), [(0, True, 1), (1, True, 0), (0, False, 0)])
async def test_the_first_reservation_of_what_is_kept_pays_for_one_upload(
    sink: StorageSink, mayfly: FakeMayfly, *, part: int, is_kept: bool, uploads: int
) -> None:
    await sink.reserve(KEY, GUEST, characters=6, size_bytes=0, part=part, is_kept=is_kept)

    [asked] = [call.request for call in mayfly.calls]
    assert isinstance(asked, pb.ReserveQuotaRequest)
    assert (asked.characters, asked.objects) == (6, uploads)


async def test_work_for_nobody_costs_no_call(sink: StorageSink, mayfly: FakeMayfly) -> None:
    assert await sink.reserve(KEY, NOWHERE, characters=6, size_bytes=10) == ""
    assert methods(mayfly) == []


async def test_a_retry_is_counted_once_and_each_part_of_a_request_for_itself(sink: StorageSink) -> None:
    first = await sink.reserve(KEY, GUEST, characters=6, size_bytes=0)

    assert await sink.reserve(KEY, GUEST, characters=6, size_bytes=0) == first
    assert await sink.reserve(KEY, GUEST, characters=6, size_bytes=0, part=1) != first


async def test_all_parts_of_a_request_are_one_object() -> None:
    checksums = Offload(name="checksum", workers=1, queue=10)
    with FakeMayfly(objects_per_day=1) as mayfly:
        async with mayfly.async_client() as client:
            sink = StorageSink(client, collection="temp-audio", offload=checksums)
            reservations = {await sink.reserve(KEY, GUEST, characters=6, size_bytes=0, part=part) for part in range(3)}
    await checksums.shutdown()

    assert len(reservations) == 3


async def test_a_subject_without_room_is_told_how_much_and_when() -> None:
    checksums = Offload(name="checksum", workers=1, queue=10)
    start = datetime(2026, 1, 15, 6, 30, 43, tzinfo=UTC)
    with FakeMayfly(start=start, requests_per_minute=1) as mayfly:
        async with mayfly.async_client() as client:
            sink = StorageSink(client, collection="temp-audio", offload=checksums)
            await sink.reserve(KEY, GUEST, characters=6, size_bytes=0)
            with pytest.raises(QuotaExceededError) as refused:
                await sink.reserve(KEY, GUEST, characters=6, size_bytes=0, part=1)
    await checksums.shutdown()

    error = refused.value
    assert (error.quota, error.limit, error.used) == ("requests_per_minute", "1", "1")
    assert (error.reset_time, error.retry_after) == ("2026-01-15T06:31:00Z", timedelta(seconds=17))
    assert "192.0.2.1" not in str(error)

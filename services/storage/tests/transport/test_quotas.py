"""ReserveQuota and uploads over gRPC, as synth uses them."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from grpc import StatusCode
from grpc.aio import AioRpcError
from mayfly.storage.v1 import audio_pb2
from mayfly.storage.v1 import storage_service_pb2 as pb

from mayfly_runtime.testing import rpc_error
from mayfly_storage.testing.builders import SOUND

if TYPE_CHECKING:
    from mayfly_storage.testing.served import Served

ADDRESS = "203.0.113.7"
GUEST = audio_pb2.Subject(guest_address=ADDRESS)


def asks(**overrides: Any) -> pb.ReserveQuotaRequest:
    facts = {"request_id": str(uuid4()), "subject": GUEST, "collection": "temp-audio", **overrides}
    return pb.ReserveQuotaRequest(**facts)


async def reserved(served: Served, **overrides: Any) -> str:
    return (await served.storage.ReserveQuota(asks(**overrides))).quota_reservation


async def test_a_guest_beyond_the_quota_hears_limit_used_and_when_to_come_back(served: Served) -> None:
    for _ in range(60):
        await reserved(served)

    with pytest.raises(AioRpcError) as failed:
        await reserved(served)

    error = rpc_error(failed)
    assert (error.code, error.reason) == (StatusCode.RESOURCE_EXHAUSTED, "QUOTA_EXCEEDED")
    assert error.metadata == {
        "quota": "requests_per_minute",
        "limit": "60",
        "used": "60",
        "reset_time": "2026-01-15T06:31:00Z",
    }
    assert error.retry_after == timedelta(seconds=60)
    assert ADDRESS not in str(error)


async def test_a_reservation_tells_when_it_lapses(served: Served) -> None:
    answer = await served.storage.ReserveQuota(asks())

    assert answer.expire_time.seconds == int((served.clock.now() + timedelta(minutes=15)).timestamp())


async def test_a_reservation_pays_for_one_upload_of_its_subject(served: Served) -> None:
    request = served.create(subject=GUEST)
    request.quota_reservation = await reserved(served, size_bytes=len(SOUND))

    first = await served.storage.CreateUpload(request)
    retry = await served.storage.CreateUpload(request)
    assert retry.audio.name == first.audio.name

    request.request_id = str(uuid4())
    with pytest.raises(AioRpcError) as failed:
        await served.storage.CreateUpload(request)
    assert rpc_error(failed).fields == ("quota_reservation",)


async def test_a_stream_uses_a_reservation_up_too(served: Served) -> None:
    def messages(token: str) -> list[pb.UploadAudioRequest]:
        header = pb.UploadAudioHeader(
            request_id=str(uuid4()),
            audio=audio_pb2.NewAudio(collection="temp-audio", content_type="audio/wav", subject=GUEST),
            size_bytes=len(SOUND),
            sha256=hashlib.sha256(SOUND).digest(),
            quota_reservation=token,
        )
        return [pb.UploadAudioRequest(header=header), pb.UploadAudioRequest(chunk=SOUND)]

    token = await reserved(served)
    await served.storage.UploadAudio(messages(token))

    with pytest.raises(AioRpcError) as failed:
        await served.storage.UploadAudio(messages(token))
    assert rpc_error(failed).fields == ("header.quota_reservation",)


async def test_uploads_without_a_reservation_are_counted_too(served: Served) -> None:
    for _ in range(60):
        await served.storage.CreateUpload(served.create(subject=GUEST))

    with pytest.raises(AioRpcError) as failed:
        await served.storage.CreateUpload(served.create(subject=GUEST))
    assert rpc_error(failed).reason == "QUOTA_EXCEEDED"
    with pytest.raises(AioRpcError) as failed:
        await reserved(served)
    assert rpc_error(failed).reason == "QUOTA_EXCEEDED"


async def test_addresses_that_are_spelled_differently_are_one_guest(served: Served) -> None:
    for _ in range(60):
        await reserved(served, subject=audio_pb2.Subject(guest_address=f"::ffff:{ADDRESS}"))

    with pytest.raises(AioRpcError) as failed:
        await reserved(served)
    assert rpc_error(failed).reason == "QUOTA_EXCEEDED"


async def test_a_request_id_of_other_work_is_refused(served: Served) -> None:
    wanted = asks()
    await served.storage.ReserveQuota(wanted)
    wanted.characters = 1

    with pytest.raises(AioRpcError) as failed:
        await served.storage.ReserveQuota(wanted)
    assert rpc_error(failed).reason == "IDEMPOTENCY_KEY_REUSED"


@pytest.mark.parametrize("objects", [-1, 2])
async def test_a_reservation_is_for_one_object_or_none(served: Served, objects: int) -> None:
    with pytest.raises(AioRpcError) as failed:
        await reserved(served, objects=objects)

    assert rpc_error(failed).fields == ("objects",)


async def test_a_guest_beyond_the_objects_of_a_day_hears_until_when(served: Served) -> None:
    for number in range(2_000):
        await reserved(served)
        if number % 60 == 59:
            served.clock.advance(timedelta(minutes=1))
    served.clock.advance(timedelta(minutes=1))

    with pytest.raises(AioRpcError) as failed:
        await reserved(served)

    error = rpc_error(failed)
    assert (error.code, error.reason) == (StatusCode.RESOURCE_EXHAUSTED, "QUOTA_EXCEEDED")
    assert error.metadata == {
        "quota": "objects_per_day",
        "limit": "2000",
        "used": "2000",
        "reset_time": "2026-01-16T00:00:00Z",
    }
    assert error.retry_after == timedelta(hours=16, minutes=56)

"""UploadAudio: a header, chunks, a footer; nothing is stored unless it returns."""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from grpc import StatusCode
from grpc.aio import AioRpcError
from mayfly.storage.v1 import audio_pb2
from mayfly.storage.v1 import storage_service_pb2 as pb

from mayfly_runtime.testing import rpc_error
from mayfly_storage.testing import SOUND

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from mayfly_storage.testing.served import Served

LONG = bytes(range(256)) * 12_000  # about 3 MiB: several writes of the spool


def header(**changes: Any) -> pb.UploadAudioRequest:
    facts: dict[str, Any] = {
        "request_id": str(uuid4()),
        "audio": audio_pb2.NewAudio(collection="temp-audio", content_type="audio/wav"),
    }
    return pb.UploadAudioRequest(header=pb.UploadAudioHeader(**(facts | changes)))


def chunks(body: bytes, *, size: int = 65_536) -> list[pb.UploadAudioRequest]:
    return [pb.UploadAudioRequest(chunk=body[start : start + size]) for start in range(0, len(body), size)]


def footer(body: bytes, **changes: Any) -> pb.UploadAudioRequest:
    facts: dict[str, Any] = {"size_bytes": len(body), "sha256": hashlib.sha256(body).digest()}
    return pb.UploadAudioRequest(footer=pb.UploadAudioFooter(**(facts | changes)))


async def upload(served: Served, messages: Iterable[pb.UploadAudioRequest]) -> audio_pb2.Audio:
    return (await served.storage.UploadAudio(iter(messages))).audio


async def refused(served: Served, messages: Iterable[pb.UploadAudioRequest]) -> Any:
    with pytest.raises(AioRpcError) as error:
        await upload(served, messages)
    assert list(served.spool.iterdir()) == []
    return rpc_error(error)


@pytest.mark.parametrize("body", [b"x", SOUND, LONG], ids=["a byte", "a chunk", "many chunks"])
async def test_a_stream_is_stored(served: Served, body: bytes) -> None:
    audio = await upload(served, [header(), *chunks(body), footer(body)])

    assert (audio.state, audio.size_bytes) == (audio_pb2.Audio.STATE_READY, len(body))
    assert audio.sha256 == hashlib.sha256(body).digest()
    [signed] = (await served.storage.SignUrls(pb.SignUrlsRequest(names=[audio.name]))).results
    assert (await served.follow("GET", signed.signed_url.url)).body == body
    assert list(served.spool.iterdir()) == []


async def test_a_stream_may_announce_its_bytes(memory: Served) -> None:
    announced = header(size_bytes=len(SOUND), sha256=hashlib.sha256(SOUND).digest())

    assert (await upload(memory, [announced, *chunks(SOUND)])).size_bytes == len(SOUND)


async def test_a_stream_that_is_sent_again_is_stored_once(served: Served) -> None:
    messages = [header(), *chunks(SOUND), footer(SOUND)]

    first = await upload(served, messages)
    again = await upload(served, messages)

    assert again == first


@pytest.mark.parametrize(
    ("messages", "field", "problem"),
    [
        ([], "payload", "the stream has no message"),
        ([pb.UploadAudioRequest()], "payload", "the first message has no header"),
        (chunks(b"x"), "header", "must come first"),
        ([header()], "chunk", "the stream ended after its header"),
        ([header(), header()], "header", "must come once"),
        ([header(), pb.UploadAudioRequest()], "payload", "neither header, chunk nor footer"),
        ([header(), pb.UploadAudioRequest(chunk=b"")], "chunk", "1 to 65,536 bytes; one has 0"),
        ([header(), pb.UploadAudioRequest(chunk=b"x" * 65_537)], "chunk", "1 to 65,536 bytes; one has 65,537"),
        ([header(request_id="1"), *chunks(b"x")], "header.request_id", "must be a UUID"),
        ([header(audio=None), *chunks(b"x")], "header.audio", "is required"),
        ([header(size_bytes=-1), *chunks(b"x")], "header.size_bytes", "must not be negative"),
        ([header(sha256=b"x"), *chunks(b"x")], "header.sha256", "must have 32 bytes"),
        ([header(quota_reservation="q"), *chunks(b"x")], "header.quota_reservation", "is not a reservation"),
        (
            [header(audio=audio_pb2.NewAudio(collection="recordings", content_type="audio/wav")), *chunks(b"x")],
            "header.audio.key_fields",
            "takes exactly",
        ),
    ],
)
async def test_a_stream_that_is_not_as_it_must_be_is_told_why(
    memory: Served, messages: list[pb.UploadAudioRequest], field: str, problem: str
) -> None:
    error = await refused(memory, messages)

    assert (error.code, error.reason, error.fields) == (StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST", (field,))
    assert problem in error.violations[0].description
    assert memory.stage.memory.catalog.rows == {}


async def test_all_problems_of_a_header_are_told_at_once(memory: Served) -> None:
    error = await refused(memory, [header(request_id="", audio=audio_pb2.NewAudio(), size_bytes=-1)])

    assert error.fields == (
        "header.request_id",
        "header.audio.collection",
        "header.audio.content_type",
        "header.size_bytes",
    )


@pytest.mark.parametrize(
    ("audio", "reason", "field"),
    [
        ({"collection": "nope", "content_type": "audio/wav"}, "COLLECTION_UNKNOWN", "header.audio.collection"),
        ({"collection": "temp-audio", "content_type": "image/png"}, "CONTENT_TYPE_NOT_ALLOWED", "audio.content_type"),
    ],
)
async def test_what_no_bytes_can_mend_is_told_before_they_are_sent(
    memory: Served, audio: dict[str, str], reason: str, field: str
) -> None:
    never = asyncio.Event()

    async def header_and_no_more() -> AsyncIterator[pb.UploadAudioRequest]:
        yield header(audio=audio_pb2.NewAudio(**audio))
        await never.wait()

    with pytest.raises(AioRpcError) as error:
        await memory.storage.UploadAudio(header_and_no_more())

    assert (rpc_error(error).reason, rpc_error(error).fields) == (reason, (field,))


async def test_the_stream_stops_at_the_first_byte_too_many(memory: Served) -> None:
    limit = 52_428_800
    never = asyncio.Event()
    piece = pb.UploadAudioRequest(chunk=bytes(65_536))

    async def one_piece_too_many_and_more_to_come() -> AsyncIterator[pb.UploadAudioRequest]:
        yield header()
        for _ in range(limit // 65_536 + 1):
            yield piece
        await never.wait()

    with pytest.raises(AioRpcError) as failed:
        await memory.storage.UploadAudio(one_piece_too_many_and_more_to_come())

    error = rpc_error(failed)
    assert (error.code, error.reason) == (StatusCode.INVALID_ARGUMENT, "AUDIO_TOO_LARGE")
    assert error.metadata == {
        "size_bytes": str(limit + 65_536),
        "max_size_bytes": str(limit),
        "collection": "temp-audio",
    }
    assert list(memory.spool.iterdir()) == []


async def test_who_sends_too_much_hears_so_while_more_is_on_its_way(memory: Served) -> None:
    too_much = [header(size_bytes=65_536), *[pb.UploadAudioRequest(chunk=bytes(65_536))] * 80]

    told = [(await refused(memory, too_much)).reason for _ in range(50)]

    assert told == ["CONTENT_MISMATCH"] * 50


async def test_a_size_that_is_announced_and_too_large_is_refused_at_once(memory: Served) -> None:
    error = await refused(memory, [header(size_bytes=52_428_801), *chunks(b"x")])

    assert error.reason == "AUDIO_TOO_LARGE"


@pytest.mark.parametrize(
    ("announced", "field", "expected", "actual"),
    [
        ({"size_bytes": 2}, "size_bytes", "2", "1"),
        ({"size_bytes": 1, "sha256": b"x" * 32}, "sha256", "78" * 32, hashlib.sha256(b"x").hexdigest()),
    ],
)
async def test_other_bytes_than_announced_are_not_stored(
    served: Served, announced: dict[str, Any], field: str, expected: str, actual: str
) -> None:
    error = await refused(served, [header(**announced), *chunks(b"x")])

    assert (error.code, error.reason) == (StatusCode.FAILED_PRECONDITION, "CONTENT_MISMATCH")
    assert error.metadata == {"field": field, "expected": expected, "actual": actual}
    assert not (await served.storage.ListAudio(pb.ListAudioRequest())).audio


async def test_more_bytes_than_announced_stop_the_stream(memory: Served) -> None:
    error = await refused(memory, [header(size_bytes=3), *chunks(b"0123", size=2)])

    assert error.metadata == {"field": "size_bytes", "expected": "3", "actual": "4"}


async def test_a_store_without_room_is_told_and_nothing_is_left(memory: Served) -> None:
    memory.stage.memory.blobs.room = 1

    error = await refused(memory, [header(), *chunks(SOUND), footer(SOUND)])

    assert (error.code, error.reason) == (StatusCode.RESOURCE_EXHAUSTED, "STORAGE_FULL")


async def test_a_caller_who_goes_leaves_no_file_behind(memory: Served) -> None:
    arrived, never = asyncio.Event(), asyncio.Event()

    async def some_bytes_and_then_silence() -> AsyncIterator[pb.UploadAudioRequest]:
        yield header()
        for piece in chunks(LONG):
            yield piece
        arrived.set()
        await never.wait()

    call = memory.storage.UploadAudio(some_bytes_and_then_silence())
    await arrived.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call

    # The server hears of it a moment later; the next call's answer comes after that moment, or the loop goes on.
    async with asyncio.timeout(10):
        while list(memory.spool.iterdir()):
            await memory.storage.GetStorageInfo(pb.GetStorageInfoRequest())
    assert memory.stage.memory.catalog.rows == {}


async def test_a_stream_that_breaks_off_is_not_stored(served: Served) -> None:
    error = await refused(served, [header(), *chunks(SOUND)])

    assert error.fields == ("footer",)
    assert "break off" in error.violations[0].description


@pytest.mark.parametrize(
    ("last", "field", "told"),
    [
        ([footer(SOUND, size_bytes=0)], "footer.size_bytes", "at least 1"),
        ([footer(SOUND, sha256=b"short")], "footer.sha256", "32 bytes"),
        ([footer(SOUND), *chunks(b"more")], "footer", "last message"),
    ],
)
async def test_a_footer_that_is_not_as_it_must_be_is_told_why(
    memory: Served, last: list[pb.UploadAudioRequest], field: str, told: str
) -> None:
    error = await refused(memory, [header(), *chunks(SOUND), *last])

    assert error.fields == (field,)
    assert told in error.violations[0].description


@pytest.mark.parametrize("wrong", [{"size_bytes": len(SOUND) + 1}, {"sha256": bytes(32)}])
async def test_a_footer_of_other_bytes_stores_nothing(memory: Served, wrong: dict[str, Any]) -> None:
    error = await refused(memory, [header(), *chunks(SOUND), footer(SOUND, **wrong)])

    assert error.reason == "CONTENT_MISMATCH"
    assert error.metadata["field"] in wrong

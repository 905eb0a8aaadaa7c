"""A subject without quota is refused before anything is spoken, and is told how much and until when."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import grpc
import pytest
from mayfly.synth.v1 import synth_service_pb2 as pb

from mayfly_runtime.testing import rpc_error

if TYPE_CHECKING:
    from mayfly.synth.v1.synth_service_pb2_grpc import SynthServiceAsyncStub

    from mayfly_runtime.testing import RpcErrorDetails
    from mayfly_synth.testing import MemorySink

GUEST = pb.Destination(guest_address="192.0.2.1")
TEXT = "Hello there. The quick brown fox jumps. And that is all."
TOLD = {"quota": "characters_per_day", "limit": "100", "used": "100", "reset_time": "2025-12-09T00:00:00Z"}


def asks(destination: pb.Destination = GUEST) -> pb.SynthesizeRequest:
    return pb.SynthesizeRequest(request_id=str(uuid4()), text=TEXT, destination=destination)


def streams(*, discard: bool = False) -> list[pb.StreamSynthesizeRequest]:
    config = pb.StreamConfig(request_id=str(uuid4()), destination=GUEST, discard=discard)
    return [pb.StreamSynthesizeRequest(config=config), pb.StreamSynthesizeRequest(text=TEXT)]


def check(error: RpcErrorDetails) -> None:
    assert (error.code, error.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "QUOTA_EXCEEDED")
    assert error.metadata == TOLD
    assert error.retry_after == timedelta(hours=12)
    assert "192.0.2.1" not in str(error)


async def test_a_guest_without_quota_hears_limit_used_and_reset_time(
    synth: SynthServiceAsyncStub, sink: MemorySink
) -> None:
    sink.characters_left = 0

    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await synth.Synthesize(asks(), timeout=20)

    check(rpc_error(failed))
    assert (sink.kept, sink.reservations) == ({}, [])


@pytest.mark.parametrize("discard", [False, True])
async def test_a_stream_without_quota_has_no_sound(
    synth: SynthServiceAsyncStub, sink: MemorySink, *, discard: bool
) -> None:
    sink.characters_left = 0
    received: list[pb.StreamSynthesizeResponse] = []

    async def listen() -> None:
        async for answer in synth.StreamSynthesize(iter(streams(discard=discard)), timeout=20):
            received.append(answer)  # noqa: PERF401 - what came before the error counts

    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await listen()

    check(rpc_error(failed))
    # A WAV begins with 44 bytes that are no sound.
    assert [answer.WhichOneof("payload") for answer in received] == ["header", "chunk"]
    assert len(received[1].chunk) == 44


@pytest.mark.parametrize(("discard", "uploads"), [(False, 1), (True, 0)])
async def test_a_stream_counts_as_an_upload_where_it_is_kept(
    synth: SynthServiceAsyncStub, sink: MemorySink, *, discard: bool, uploads: int
) -> None:
    async for _ in synth.StreamSynthesize(iter(streams(discard=discard)), timeout=20):
        pass

    assert len(sink.counted) > 0
    assert sink.uploads_counted == uploads


async def test_what_is_spoken_is_counted_and_its_reservation_pays_for_the_upload(
    synth: SynthServiceAsyncStub, sink: MemorySink
) -> None:
    asked = asks()
    kept = await synth.Synthesize(asked, timeout=20)

    [(characters, size_bytes)] = sink.counted
    assert characters == len(TEXT)
    assert 0 < size_bytes < kept.audio.size_bytes
    assert sink.reservations == [f"{asked.request_id}/0"]


async def test_a_streams_characters_are_counted_once(synth: SynthServiceAsyncStub, sink: MemorySink) -> None:
    requests = streams()
    async for _ in synth.StreamSynthesize(iter(requests), timeout=20):
        pass

    assert sink.counted[0] == (len("Hello there."), 0)
    assert sink.reservations == [f"{requests[0].config.request_id}/0"]


async def test_speech_for_nobody_is_not_counted(synth: SynthServiceAsyncStub, sink: MemorySink) -> None:
    sink.characters_left = 0

    await synth.Synthesize(asks(pb.Destination()), timeout=20)

    assert (sink.counted, sink.reservations) == ([], [""])

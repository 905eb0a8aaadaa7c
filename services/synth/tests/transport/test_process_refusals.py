from __future__ import annotations

import asyncio
import sys
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from mayfly.synth.v1 import synth_service_pb2 as pb
from mayfly.synth.v1 import voice_pb2
from mayfly.synth.v1.synth_service_pb2_grpc import SynthServiceStub

from mayfly_runtime.testing import rpc_error
from mayfly_synth.testing import MemoryStored, serve_synth
from mayfly_synth.testing_processing import SOUND, config, messages, programs, silence, tone, wav

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Iterator
    from pathlib import Path

    from mayfly.synth.v1.synth_service_pb2_grpc import SynthServiceAsyncStub

    from mayfly_runtime.testing import RpcErrorDetails
    from mayfly_synth.testing import MemorySink


async def refusal(synth: SynthServiceAsyncStub, requests: Any) -> RpcErrorDetails:
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await synth.ProcessAudio(requests, timeout=60)
    return rpc_error(failed)


BAD: list[tuple[list[pb.ProcessAudioRequest], str, tuple[str, ...]]] = [
    ([], "INVALID_REQUEST", ("config",)),
    ([pb.ProcessAudioRequest(chunk=b"x")], "INVALID_REQUEST", ("config",)),
    ([config(request_id="no")], "INVALID_REQUEST", ("config.request_id",)),
    ([config(preset=9)], "INVALID_REQUEST", ("config.preset",)),
    ([config(format=77)], "FORMAT_UNKNOWN", ("config.format",)),
    ([config(sample_rate_hertz=7_000)], "INVALID_REQUEST", ("config.sample_rate_hertz",)),
    ([config(bit_rate_bps=1)], "INVALID_REQUEST", ("config.bit_rate_bps",)),
    ([config(transcribe=True, format=voice_pb2.AUDIO_FORMAT_PCM)], "INVALID_REQUEST", ("config.transcribe",)),
    ([config(loudness_lufs=0.0)], "INVALID_REQUEST", ("config.loudness_lufs",)),
    (
        [config(start_offset=Duration(seconds=2), end_offset=Duration(seconds=1))],
        "INVALID_REQUEST",
        ("config.end_offset",),
    ),
    ([config(start_offset=Duration(seconds=-2))], "INVALID_REQUEST", ("config.start_offset",)),
    ([config(source_name="audio/a"), pb.ProcessAudioRequest(chunk=b"x")], "INVALID_REQUEST", ("config.source_name",)),
    ([config(), config()], "INVALID_REQUEST", ("chunk",)),
    ([config(), pb.ProcessAudioRequest(chunk=b"")], "INVALID_REQUEST", ("chunk",)),
    ([config(), pb.ProcessAudioRequest(chunk=bytes(65_537))], "INVALID_REQUEST", ("chunk",)),
    ([config()], "INPUT_INCOMPLETE", ("footer",)),
    ([*list(messages(SOUND))[:-1]], "INPUT_INCOMPLETE", ("footer",)),
    ([*list(messages(SOUND))[:-2], list(messages(SOUND))[-1]], "INPUT_INCOMPLETE", ("footer.size_bytes",)),
    (
        [
            *list(messages(SOUND))[:-1],
            pb.ProcessAudioRequest(footer=pb.ProcessFooter(size_bytes=len(SOUND), sha256=bytes(32))),
        ],
        "INPUT_INCOMPLETE",
        ("footer.sha256",),
    ),
    (list(messages(wav(silence(3)), trim_silence=True)), "AUDIO_SILENT", ("config",)),
    (list(messages(SOUND, start_offset=Duration(seconds=5))), "AUDIO_SILENT", ("config",)),
    (list(messages(b"neither fish nor fowl")), "AUDIO_UNREADABLE", ("chunk",)),
]


@pytest.mark.parametrize(("requests", "reason", "fields"), BAD, ids=[f"{n}-{row[1]}" for n, row in enumerate(BAD)])
async def test_what_cannot_be_done_is_refused_with_its_reason_and_nothing_is_kept(
    synth: SynthServiceAsyncStub, sink: MemorySink, requests: Any, reason: str, fields: tuple[str, ...]
) -> None:
    error = await refusal(synth, iter(requests))

    assert (error.code, error.reason) == (grpc.StatusCode.INVALID_ARGUMENT, reason)
    assert error.fields == fields
    assert not sink.kept


async def test_a_name_of_nothing_is_not_found(synth: SynthServiceAsyncStub) -> None:
    error = await refusal(synth, iter([config(source_name="audio/2025-12-08/b")]))

    assert (error.code, error.reason) == (grpc.StatusCode.NOT_FOUND, "AUDIO_NOT_FOUND")
    assert error.metadata == {"name": "audio/2025-12-08/b"}


async def test_a_stored_audio_that_cannot_be_read_is_blamed_by_its_name(voices_dir: Path, sink: MemorySink) -> None:
    stored = MemoryStored({"audio/2025-12-08/a": b"neither fish nor fowl"}).as_stored()
    async with serve_synth(voices_dir, sink, stored=stored) as channel:
        error = await refusal(SynthServiceStub(channel), iter([config(source_name="audio/2025-12-08/a")]))

    assert (error.reason, error.fields) == ("AUDIO_UNREADABLE", ("config.source_name",))


async def test_the_same_request_id_for_other_bytes_is_refused(synth: SynthServiceAsyncStub) -> None:
    request_id = str(uuid4())
    await synth.ProcessAudio(messages(SOUND, request_id=request_id), timeout=60)

    error = await refusal(synth, messages(wav(tone(1)), request_id=request_id))

    assert (error.code, error.reason) == (grpc.StatusCode.ALREADY_EXISTS, "REQUEST_ID_REUSED")


async def test_a_transcript_without_a_transcriber_says_what_to_set(synth: SynthServiceAsyncStub) -> None:
    error = await refusal(synth, messages(SOUND, transcribe=True))

    assert (error.code, error.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "TRANSCRIBER_MISSING")
    assert error.metadata == {"setting": "MAYFLY_SYNTH_TRANSCRIBER"}
    assert "MAYFLY_SYNTH_TRANSCRIBER_URL" in error.message


async def test_more_than_the_bound_is_refused_while_it_comes(voices_dir: Path, sink: MemorySink) -> None:
    async with serve_synth(voices_dir, sink, max_input_bytes=100_000) as channel:
        error = await refusal(SynthServiceStub(channel), messages(SOUND))

    assert (error.code, error.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "AUDIO_TOO_LARGE")
    assert error.metadata["max_size_bytes"] == "100000"


async def test_a_result_that_is_too_large_to_keep_is_refused(voices_dir: Path, sink: MemorySink) -> None:
    async with serve_synth(voices_dir, sink, max_audio_bytes=20_000) as channel:
        error = await refusal(SynthServiceStub(channel), messages(SOUND, format=voice_pb2.AUDIO_FORMAT_WAV))

    assert error.reason == "AUDIO_TOO_LARGE"
    assert not sink.kept


async def test_an_audio_that_plays_too_long_is_refused(voices_dir: Path, sink: MemorySink) -> None:
    async with serve_synth(voices_dir, sink, max_input_duration=timedelta(seconds=2)) as channel:
        error = await refusal(SynthServiceStub(channel), messages(SOUND))

    assert (error.reason, error.metadata) == ("AUDIO_TOO_LARGE", {"max_seconds": "2.0"})


async def test_who_sends_too_much_hears_so_while_more_is_on_its_way(voices_dir: Path, sink: MemorySink) -> None:
    def too_much() -> Iterator[pb.ProcessAudioRequest]:
        yield config(preset=pb.ProcessConfig.PRESET_TRANSCODED)
        yield from (pb.ProcessAudioRequest(chunk=part) for part in (SOUND[:65_536], *[bytes(65_536)] * 80))

    async with serve_synth(voices_dir, sink, max_input_bytes=1_000_000) as channel:
        told = [(await refusal(SynthServiceStub(channel), too_much())).reason for _ in range(10)]

    assert told == ["AUDIO_TOO_LARGE"] * 10


class SlowStored(MemoryStored):
    """Answers when it is told to."""

    def __init__(self) -> None:
        super().__init__(audio={"audio/2025-12-08/slow": SOUND})
        self.asked, self.go = asyncio.Event(), asyncio.Event()

    async def open(self, name: str, *, max_bytes: int) -> AsyncGenerator[bytes, None]:
        self.asked.set()
        await self.go.wait()
        async for piece in super().open(name, max_bytes=max_bytes):
            yield piece


@asynccontextmanager
async def occupied(
    voices_dir: Path, sink: MemorySink, *, waiting: int
) -> AsyncIterator[tuple[SynthServiceAsyncStub, Any, asyncio.Event]]:
    """A server whose only place is taken; the call that has it, and what lets that go on.

    Args:
        voices_dir: For the server.
        sink: For the server.
        waiting: How many calls may wait for the place.
    """
    stored = SlowStored()
    bounds: dict[str, Any] = {"processing_workers": 1, "processing_queue": waiting}
    async with serve_synth(voices_dir, sink, stored=stored.as_stored(), **bounds) as channel:
        stub: SynthServiceAsyncStub = SynthServiceStub(channel)
        first = stub.ProcessAudio(iter([config(source_name="audio/2025-12-08/slow")]), timeout=60)
        await stored.asked.wait()
        yield stub, first, stored.go


async def test_beyond_what_runs_and_waits_callers_are_refused_at_once(voices_dir: Path, sink: MemorySink) -> None:
    async with occupied(voices_dir, sink, waiting=0) as (stub, first, go):
        error = await refusal(stub, messages(SOUND, destination=pb.Destination(user_id="u1")))
        go.set()
        await first

    assert (error.code, error.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "SERVER_BUSY")
    assert error.metadata == {"resource": "processing slots", "limit": "1"}
    assert error.retry_after
    assert not sink.counted, "who is refused has used nothing up"


async def test_a_call_that_waited_is_processed_when_there_is_a_place(voices_dir: Path, sink: MemorySink) -> None:
    async with occupied(voices_dir, sink, waiting=1) as (stub, first, go):
        second = stub.ProcessAudio(messages(SOUND), timeout=60)
        go.set()
        await asyncio.gather(first, second)

    assert len(sink.kept) == 2


async def test_a_cancelled_call_gives_its_place_back(voices_dir: Path, sink: MemorySink) -> None:
    async with occupied(voices_dir, sink, waiting=0) as (stub, first, _):
        first.cancel()
        await processed_at_last(stub)

    assert len(sink.kept) == 1


async def processed_at_last(stub: SynthServiceAsyncStub) -> None:
    """The server hears of a cancellation in a moment, and nobody tells when."""
    async with asyncio.timeout(30):
        while True:
            try:
                await stub.ProcessAudio(messages(SOUND), timeout=60)
            except grpc.aio.AioRpcError as busy:
                assert rpc_error(busy).reason == "SERVER_BUSY"  # noqa: PT017 - it is tried again
            else:
                return


@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
async def test_the_callers_deadline_ends_the_program_that_works_for_it(synth: SynthServiceAsyncStub) -> None:
    async def stalled() -> AsyncGenerator[pb.ProcessAudioRequest, None]:
        for message in list(messages(SOUND))[:-1]:
            yield message
        await asyncio.Event().wait()

    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await synth.ProcessAudio(stalled(), timeout=2)

    assert failed.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    async with asyncio.timeout(30):
        while programs():  # noqa: ASYNC110 - the kernel sends no event to us
            await asyncio.sleep(0.02)

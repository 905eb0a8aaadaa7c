"""More callers than can be spoken for: some are spoken for, the others told at once, and then there is room again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from uuid import uuid4

import grpc
from mayfly.synth.v1 import synth_service_pb2 as pb
from mayfly.synth.v1.synth_service_pb2_grpc import SynthServiceStub

from mayfly_runtime.testing import rpc_error
from mayfly_synth.testing import serve_synth

if TYPE_CHECKING:
    from pathlib import Path

    from mayfly.synth.v1.synth_service_pb2_grpc import SynthServiceAsyncStub

    from mayfly_runtime.testing import RpcErrorDetails
    from mayfly_synth.testing import MemorySink

BOUND = 1_000
"""Characters that may wait: some ten texts."""
CALLERS = 60


def text_of(number: int) -> str:
    return f"Caller {number} has a sentence to say. It is followed by another one, and that is all that is said."


async def test_who_is_one_too_many_is_told_at_once_and_when_to_come_back(voices_dir: Path, sink: MemorySink) -> None:
    ended: list[int | RpcErrorDetails] = []

    async def call(number: int) -> None:
        request = pb.SynthesizeRequest(request_id=str(uuid4()), text=text_of(number))
        try:
            await synth.Synthesize(request, timeout=60)
        except grpc.aio.AioRpcError as error:
            ended.append(rpc_error(error))
        else:
            ended.append(number)

    async with serve_synth(voices_dir, sink, max_characters=500, max_queued_characters=BOUND) as channel:
        synth = SynthServiceStub(channel)
        await asyncio.gather(*(call(number) for number in range(CALLERS)))
        spoken = [each for each in ended if isinstance(each, int)]
        refused = [each for each in ended if not isinstance(each, int)]

        assert len(spoken) >= BOUND // len(text_of(CALLERS))
        assert refused
        assert {(error.code, error.reason) for error in refused} == {
            (grpc.StatusCode.RESOURCE_EXHAUSTED, "SERVER_BUSY")
        }
        assert all(error.retry_after for error in refused)
        # They did not wait for those who were let in, each of whom was spoken for, to the end.
        assert isinstance(ended[-1], int)
        assert {kept.speech.text for kept in sink.kept.values()} == {text_of(number) for number in spoken}

        # There is room again.
        await call(CALLERS)
        assert ended[-1] == CALLERS


async def test_streams_that_are_refused_while_they_still_send_hear_why(voices_dir: Path) -> None:
    async def call(synth: SynthServiceAsyncStub, number: int) -> str | None:
        requests = [
            pb.StreamSynthesizeRequest(config=pb.StreamConfig(request_id=str(uuid4()), discard=True)),
            *(pb.StreamSynthesizeRequest(text=f"{text_of(number)} ") for _ in range(3)),
        ]
        try:
            async for _ in synth.StreamSynthesize(iter(requests), timeout=60):
                pass
        except grpc.aio.AioRpcError as error:
            return rpc_error(error).reason
        return None

    async with serve_synth(voices_dir, max_characters=500, max_queued_characters=500) as channel:
        synth = SynthServiceStub(channel)
        told = await asyncio.gather(*(call(synth, number) for number in range(200)))

    assert set(told) == {None, "SERVER_BUSY"}

"""A storage that does not answer: no call of it outlives the caller who waits, and the server goes on for others."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from uuid import uuid4

import grpc
import pytest
from mayfly.synth.v1 import synth_service_pb2 as pb
from mayfly.synth.v1.synth_service_pb2_grpc import SynthServiceStub

from mayfly_client.testing import FakeMayfly
from mayfly_runtime.telemetry import Telemetry
from mayfly_synth.app import open_storage
from mayfly_synth.config import SynthSettings
from mayfly_synth.testing import serve_synth

if TYPE_CHECKING:
    from pathlib import Path

CALLS = 30
# On a busy machine it takes seconds until the first call is spoken and comes to storage.
SECONDS = 10.0


def request() -> pb.SynthesizeRequest:
    return pb.SynthesizeRequest(request_id=str(uuid4()), text="Hello there.")


@pytest.mark.parametrize("method", ["CreateUpload", "CommitUpload"])
async def test_callers_hear_of_a_storage_that_hangs_within_their_own_deadline(voices_dir: Path, method: str) -> None:
    with FakeMayfly() as fake:
        fake.hang(method)
        settings = SynthSettings.load(storage_target=fake.storage, voices_dir=voices_dir)
        async with (
            open_storage(settings, Telemetry.disabled()) as (sink, stored),
            serve_synth(voices_dir, sink, stored=stored) as channel,
        ):
            synth = SynthServiceStub(channel)
            answers = await asyncio.gather(
                *(synth.Synthesize(request(), timeout=SECONDS) for _ in range(CALLS)), return_exceptions=True
            )
            codes = {answer.code() for answer in answers if isinstance(answer, grpc.aio.AioRpcError)}

            assert len([answer for answer in answers if isinstance(answer, grpc.aio.AioRpcError)]) == CALLS
            assert codes <= {grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.UNAVAILABLE}
            # It speaks for others all the while, and after it.
            config = pb.StreamConfig(request_id=str(uuid4()), discard=True)
            stream = [pb.StreamSynthesizeRequest(config=config), pb.StreamSynthesizeRequest(text="Hello there.")]
            assert [answer async for answer in synth.StreamSynthesize(iter(stream), timeout=30)][-1].HasField("trailer")

    hung = [call.seconds_left for call in fake.calls if call.method == method]
    assert hung
    assert all(left is not None and left <= SECONDS for left in hung)

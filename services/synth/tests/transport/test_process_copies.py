from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from mayfly.synth.v1 import synth_service_pb2 as pb
from mayfly.synth.v1.synth_service_pb2_grpc import SynthServiceStub

from mayfly_runtime.testing import rpc_error
from mayfly_synth.testing import serve_synth
from mayfly_synth.testing_processing import SOUND, messages

if TYPE_CHECKING:
    from pathlib import Path

    from mayfly.synth.v1.synth_service_pb2_grpc import SynthServiceAsyncStub

    from mayfly_runtime.testing import RpcErrorDetails
    from mayfly_synth.testing import MemorySink, MemoryStored


async def process(synth: SynthServiceAsyncStub, **options: Any) -> pb.ProcessAudioResponse:
    return await synth.ProcessAudio(messages(SOUND, **options), timeout=60)


async def refusal(synth: SynthServiceAsyncStub, requests: Any) -> RpcErrorDetails:
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await synth.ProcessAudio(requests, timeout=60)
    return rpc_error(failed)


async def test_one_line_tells_operators_what_was_processed_and_of_whom_only_a_pseudonym(
    synth: SynthServiceAsyncStub, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        answer = await process(synth, destination=pb.Destination(user_id="ada.lovelace"))

    (line,) = [record.__dict__ for record in caplog.records if record.message == "audio_processed"]
    assert (line["outcome"], line["inputSize"], line["outputSize"]) == ("ok", len(SOUND), answer.audio.size_bytes)
    assert line["processingTime"] > 0
    assert len(line["userId"]) == 16
    assert "lovelace" not in json.dumps([str(record.__dict__) for record in caplog.records])


async def test_copies_are_kept_of_what_fails_and_the_error_names_them(
    voices_dir: Path, sink: MemorySink, stored: MemoryStored
) -> None:
    junk = b"RIFF\x10\0\0\0WAVEjunk" + bytes(100)
    async with serve_synth(voices_dir, sink, stored=stored.as_stored(), debug_copies="errors") as channel:
        stub = SynthServiceStub(channel)
        error = await refusal(stub, messages(junk, destination=pb.Destination(user_id="u1")))
        await process(stub)

    (name,) = stored.copies
    data, about = stored.copies[name]
    assert error.reason == "AUDIO_UNREADABLE"
    assert error.metadata["debug_input"] == name
    assert "error-input" in name
    assert data == junk
    assert about["error"] == "AudioUnreadable"
    assert about["subject"] not in ("", "u1")


async def test_copies_are_kept_of_everything_where_that_is_set(
    voices_dir: Path, sink: MemorySink, stored: MemoryStored
) -> None:
    async with serve_synth(voices_dir, sink, stored=stored.as_stored(), debug_copies="all") as channel:
        answer = await process(SynthServiceStub(channel))

    assert [name.rpartition("/")[2][:12] for name in answer.debug_names] == ["debug-input-", "debug-output"]
    assert stored.copies[answer.debug_names[0]][0] == SOUND
    (kept,) = sink.kept.values()
    assert stored.copies[answer.debug_names[1]][0] == kept.speech.data


async def test_nothing_is_copied_by_default(synth: SynthServiceAsyncStub, stored: MemoryStored) -> None:
    error = await refusal(synth, messages(b"neither fish nor fowl"))

    assert "debug_input" not in error.metadata
    assert not stored.copies

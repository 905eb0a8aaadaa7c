"""Transcripts through the real server: by PocketSphinx, and by a server of OpenAI's API that does not answer."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import grpc
import pytest
from mayfly.synth.v1 import synth_service_pb2 as pb
from mayfly.synth.v1 import voice_pb2
from mayfly.synth.v1.synth_service_pb2_grpc import SynthServiceStub

from mayfly_runtime.testing import rpc_error
from mayfly_synth.testing import serve_synth
from mayfly_synth.testing_processing import SOUND, messages

if TYPE_CHECKING:
    from pathlib import Path

    from mayfly_synth.testing import MemorySink


async def test_what_was_spoken_is_heard_again(voices_dir: Path, sink: MemorySink) -> None:
    text = "The weather is fine, and the birds are singing in the garden."
    steady = pb.SpeechOptions(noise_scale=0.0, noise_w_scale=0.0, format=voice_pb2.AUDIO_FORMAT_MP3)

    async with serve_synth(voices_dir, sink, transcriber="pocketsphinx") as channel:
        synth = SynthServiceStub(channel)
        await synth.Synthesize(pb.SynthesizeRequest(request_id=str(uuid4()), text=text, options=steady), timeout=60)
        (spoken,) = sink.kept.values()
        answer = await synth.ProcessAudio(
            messages(spoken.speech.data, preset=pb.ProcessConfig.PRESET_SPEECH_TO_TEXT, transcribe=True), timeout=60
        )

    assert answer.transcript == "the weather is fine and the birds are singing in the garden"


async def test_a_transcriber_that_does_not_answer_is_told_and_nothing_is_kept(
    voices_dir: Path, sink: MemorySink
) -> None:
    nobody = "http://127.0.0.1:1"

    async with serve_synth(voices_dir, sink, transcriber="openai", transcriber_url=nobody) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await SynthServiceStub(channel).ProcessAudio(messages(SOUND, transcribe=True), timeout=60)

    error = rpc_error(failed)
    assert (error.code, error.reason) == (grpc.StatusCode.UNAVAILABLE, "TRANSCRIBER_FAILED")
    assert error.retry_after
    assert not sink.kept

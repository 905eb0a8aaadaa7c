"""One file for each sentence."""

from __future__ import annotations

import asyncio
import io
import wave
from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import grpc
import pytest
from mayfly.synth.v1 import synth_service_pb2 as pb
from mayfly.synth.v1 import voice_pb2
from mayfly.synth.v1.synth_service_pb2_grpc import SynthServiceStub

from mayfly_runtime.testing import rpc_error
from mayfly_synth.domain.errors import StorageUnavailableError
from mayfly_synth.testing import MemorySink, serve_synth

if TYPE_CHECKING:
    from pathlib import Path

    from mayfly.synth.v1.synth_service_pb2_grpc import SynthServiceAsyncStub

    from mayfly_synth.domain.speech import StoredAudio

TEXT = "Hello there. The quick fox. And that is all."


def request(text: str = TEXT, **fields: Any) -> pb.SynthesizeRequest:
    return pb.SynthesizeRequest(**{"request_id": str(uuid4()), "text": text, "file_per_segment": True, **fields})


async def test_each_sentence_has_a_file_of_its_own(synth: SynthServiceAsyncStub, sink: MemorySink) -> None:
    answer = await synth.Synthesize(request(), timeout=20)

    assert not answer.HasField("audio")
    assert [segment.audio.file_name for segment in answer.segments] == [
        f"segment_00{number}.wav" for number in range(3)
    ]
    in_order = [sink.kept[key] for key in sorted(sink.kept, key=lambda key: key.part or 0)]
    for kept, segment in zip(in_order, answer.segments, strict=True):
        assert kept.speech.text == segment.graphemes
        with wave.open(io.BytesIO(kept.speech.data)) as file:
            seconds = file.getnframes() / file.getframerate()
        heard = segment.timing.end_offset.ToTimedelta() - segment.timing.start_offset.ToTimedelta()
        assert seconds == pytest.approx(heard.total_seconds(), abs=0.001)
        assert segment.audio.duration.ToTimedelta().total_seconds() == pytest.approx(seconds, abs=0.001)
        assert segment.audio.object_key == kept.stored.object_key
        assert segment.audio.url == kept.stored.url
        assert segment.audio.expire_time.ToDatetime(UTC) == kept.stored.expire_time
        assert segment.audio.url_expire_time.ToDatetime(UTC) == kept.stored.url_expire_time


async def test_times_count_as_if_the_files_were_one(synth: SynthServiceAsyncStub) -> None:
    quiet = pb.SpeechOptions(noise_scale=0, noise_w_scale=0)
    whole = await synth.Synthesize(request(options=quiet, file_per_segment=False), timeout=20)

    parts = await synth.Synthesize(request(options=quiet), timeout=20)

    assert [segment.timing for segment in parts.segments] == [segment.timing for segment in whole.segments]
    assert [segment.words for segment in parts.segments] == [segment.words for segment in whole.segments]


async def test_the_number_is_a_part_of_keys_that_callers_choose(synth: SynthServiceAsyncStub, sink: MemorySink) -> None:
    destination = pb.Destination(collection="speech-sessions", key_fields={"session_id": "s1"}, user_id="u1")

    await synth.Synthesize(request(destination=destination), timeout=20)

    fields = sorted(kept.destination.key_fields for kept in sink.kept.values())
    assert fields == [(("index", str(number)), ("session_id", "s1")) for number in range(3)]


async def test_what_was_counted_pays_for_the_first_file(synth: SynthServiceAsyncStub, sink: MemorySink) -> None:
    await synth.Synthesize(request(destination=pb.Destination(user_id="u1")), timeout=20)

    assert len(sink.counted) == 1
    assert sorted(sink.reservations)[:2] == ["", ""]
    assert len([each for each in sink.reservations if each]) == 1


async def test_a_retry_gets_the_same_files(synth: SynthServiceAsyncStub, sink: MemorySink) -> None:
    asked = request()

    first = await synth.Synthesize(asked, timeout=20)
    second = await synth.Synthesize(asked, timeout=20)

    assert [one.audio.sha256 for one in first.segments] == [one.audio.sha256 for one in second.segments]
    assert len(sink.kept) == 3


@pytest.mark.parametrize("changed", [{"file_per_segment": False}, {"options": pb.SpeechOptions(ssml=True)}])
async def test_a_request_that_asks_for_another_shape_is_another_request(
    synth: SynthServiceAsyncStub, changed: dict[str, Any]
) -> None:
    told = {"request_id": str(uuid4()), "text": "<speak>Hello there.</speak>"}
    await synth.Synthesize(request(**told), timeout=20)

    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await synth.Synthesize(request(**told | changed), timeout=20)

    assert rpc_error(failed).reason == "REQUEST_ID_REUSED"


async def test_one_failure_fails_the_call_and_a_retry_finishes_it(
    synth: SynthServiceAsyncStub, sink: MemorySink
) -> None:
    sink.fail = StorageUnavailableError(retry_after=timedelta(seconds=1))
    asked = request()
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await synth.Synthesize(asked, timeout=20)

    answer = await synth.Synthesize(asked, timeout=20)

    assert rpc_error(failed).reason == "STORAGE_UNAVAILABLE"
    assert len(answer.segments) == len(sink.kept) == 3


async def test_files_come_in_other_formats(synth: SynthServiceAsyncStub, sink: MemorySink) -> None:
    answer = await synth.Synthesize(request(options=pb.SpeechOptions(format=voice_pb2.AUDIO_FORMAT_MP3)), timeout=20)

    assert {segment.audio.content_type for segment in answer.segments} == {"audio/mpeg"}
    assert all(kept.speech.data[:3] in (b"ID3", b"\xff\xf3\x84") for kept in sink.kept.values())


async def test_a_line_without_a_sound_is_no_file(synth: SynthServiceAsyncStub) -> None:
    answer = await synth.Synthesize(request("One.\n—\nTwo."), timeout=20)

    assert [(one.index, one.graphemes) for one in answer.segments] == [(0, "One."), (1, "Two.")]


async def test_more_files_than_a_call_makes_are_refused(voices_dir: Path) -> None:
    async with serve_synth(voices_dir, max_segment_files=2) as channel:
        synth: SynthServiceAsyncStub = SynthServiceStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await synth.Synthesize(request(), timeout=20)

    error = rpc_error(failed)
    assert (error.reason, error.fields) == ("INVALID_REQUEST", ("file_per_segment",))
    assert "at most 2 files" in error.message


async def test_all_files_together_are_bounded_as_one_would_be(voices_dir: Path, sink: MemorySink) -> None:
    async with serve_synth(voices_dir, sink, max_audio_bytes=100_000) as channel:
        synth: SynthServiceAsyncStub = SynthServiceStub(channel)
        await synth.Synthesize(request("One two."), timeout=20)
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await synth.Synthesize(request("One two. " * 10), timeout=20)

    error = rpc_error(failed)
    assert (error.reason, error.metadata["max_size_bytes"]) == ("AUDIO_TOO_LARGE", "100000")
    assert len(sink.kept) == 1


async def test_files_are_put_side_by_side(voices_dir: Path) -> None:
    class HeldSink(MemorySink):
        """Keeps nothing before eight files are there."""

        here = 0
        met = asyncio.Event()

        async def store(self, *args: Any, **fields: Any) -> StoredAudio:
            HeldSink.here += 1
            if HeldSink.here == 8:
                self.met.set()
            await self.met.wait()
            return await super().store(*args, **fields)

    async with serve_synth(voices_dir, HeldSink()) as channel:
        synth: SynthServiceAsyncStub = SynthServiceStub(channel)
        answer = await synth.Synthesize(request("One two. " * 20), timeout=60)

    assert len(answer.segments) == 20

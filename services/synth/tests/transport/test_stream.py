from __future__ import annotations

import asyncio
import io
import wave
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
from mayfly_synth.testing import MemorySink, serve_synth

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from mayfly.synth.v1.synth_service_pb2_grpc import SynthServiceAsyncStub

    from mayfly_runtime.testing import RpcErrorDetails

TEXT = "Hello there. The quick brown fox jumps. And that is all."
SENTENCES = ["Hello there.", "The quick brown fox jumps.", "And that is all."]
FORMATS = [voice_pb2.AUDIO_FORMAT_WAV, voice_pb2.AUDIO_FORMAT_MP3]


def config(**fields: Any) -> pb.StreamSynthesizeRequest:
    return pb.StreamSynthesizeRequest(config=pb.StreamConfig(**{"request_id": str(uuid4()), **fields}))


def text(piece: str) -> pb.StreamSynthesizeRequest:
    return pb.StreamSynthesizeRequest(text=piece)


async def answers(
    synth: SynthServiceAsyncStub, *requests: pb.StreamSynthesizeRequest, seconds: float = 20
) -> list[pb.StreamSynthesizeResponse]:
    return [answer async for answer in synth.StreamSynthesize(iter(requests), timeout=seconds)]


async def refusal(synth: SynthServiceAsyncStub, *requests: pb.StreamSynthesizeRequest) -> RpcErrorDetails:
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await answers(synth, *requests)
    return rpc_error(failed)


def kinds(received: list[pb.StreamSynthesizeResponse]) -> list[str]:
    return [answer.WhichOneof("payload") or "" for answer in received]


@pytest.mark.parametrize("audio_format", FORMATS)
async def test_a_stream_is_a_header_then_audio_and_segments_then_a_trailer(
    synth: SynthServiceAsyncStub, sink: MemorySink, audio_format: Any
) -> None:
    received = await answers(synth, config(options=pb.SpeechOptions(format=audio_format)), text(TEXT))

    told = kinds(received)
    assert told[0] == "header"
    assert told[-1] == "trailer"
    assert set(told[1:-1]) == {"chunk", "segment"}
    segments = [answer.segment for answer in received if answer.HasField("segment")]
    assert [segment.graphemes for segment in segments] == SENTENCES
    assert [segment.index for segment in segments] == [0, 1, 2]
    (kept,) = sink.kept.values()
    assert received[-1].trailer.audio.size_bytes == len(kept.speech.data)
    assert received[-1].trailer.duration.ToTimedelta() == kept.speech.duration


async def test_a_retry_may_cut_the_text_elsewhere(synth: SynthServiceAsyncStub) -> None:
    request_id, accent = str(uuid4()), "\N{COMBINING ACUTE ACCENT}"

    whole = await answers(synth, config(request_id=request_id), text(f"A cafe{accent}."))
    in_pieces = await answers(synth, config(request_id=request_id), text("A cafe"), text(f"{accent}."))

    assert in_pieces[-1].trailer.audio.sha256 == whole[-1].trailer.audio.sha256


async def test_a_streamed_wav_states_the_largest_length_and_the_kept_one_its_own(
    synth: SynthServiceAsyncStub, sink: MemorySink
) -> None:
    received = await answers(synth, config(), text(TEXT))

    streamed = b"".join(answer.chunk for answer in received)
    (kept,) = sink.kept.values()
    assert received[0].header.content_type == "audio/wav"
    assert received[0].header.sample_rate_hertz == 16_000
    assert received[0].header.voice == "en_US-mayfly-low"
    assert int.from_bytes(streamed[40:44], "little") > 0xFFFF0000
    assert kept.speech.data.endswith(streamed[44:])
    with wave.open(io.BytesIO(kept.speech.data)) as file:
        assert file.getnframes() * 2 == len(streamed) - 44


@pytest.mark.parametrize("audio_format", FORMATS)
async def test_a_segment_comes_after_the_audio_in_which_it_ends(
    synth: SynthServiceAsyncStub, audio_format: Any
) -> None:
    received = await answers(synth, config(options=pb.SpeechOptions(format=audio_format)), text(TEXT))

    rate = 32_000 if audio_format == voice_pb2.AUDIO_FORMAT_WAV else 8_000
    so_far = 0
    for answer in received:
        so_far += len(answer.chunk)
        if answer.HasField("segment"):
            assert so_far / rate >= answer.segment.timing.end_offset.ToTimedelta().total_seconds()


async def test_no_message_has_more_than_64_kib_of_audio(synth: SynthServiceAsyncStub) -> None:
    options = pb.SpeechOptions(speed=0.25, sentence_silence=Duration(seconds=10))

    received = await answers(synth, config(options=options, discard=True), text(TEXT))

    assert max(len(answer.chunk) for answer in received) == 65_536
    assert all(answer.chunk for answer in received if answer.HasField("chunk"))


@pytest.mark.parametrize("audio_format", FORMATS)
async def test_the_first_sentence_is_heard_while_the_text_is_still_being_written(
    synth: SynthServiceAsyncStub, audio_format: Any
) -> None:
    first_heard = asyncio.Event()

    async def writer() -> AsyncIterator[pb.StreamSynthesizeRequest]:
        # An MP3 encoder holds the last quarter of a second back until more comes.
        yield config(options=pb.SpeechOptions(format=audio_format, sentence_silence=Duration(seconds=1)))
        yield text("Hello there. And ")
        await first_heard.wait()
        yield text("that is all.")

    heard = []
    async for answer in synth.StreamSynthesize(writer(), timeout=20):
        if answer.HasField("segment"):
            heard.append(answer.segment.graphemes)
            first_heard.set()

    assert heard == ["Hello there.", "And that is all."]


async def test_a_text_in_single_characters_is_spoken_as_the_whole_text_is(synth: SynthServiceAsyncStub) -> None:
    received = await answers(synth, config(discard=True), *(text(character) for character in TEXT))

    assert [answer.segment.graphemes for answer in received if answer.HasField("segment")] == SENTENCES


async def test_discarded_audio_is_not_kept(synth: SynthServiceAsyncStub, sink: MemorySink) -> None:
    received = await answers(synth, config(discard=True), text(TEXT))

    assert not received[-1].trailer.HasField("audio")
    assert received[-1].trailer.duration.ToTimedelta() > timedelta(seconds=2)
    assert not sink.kept


async def test_a_retry_of_a_stream_is_answered_the_audio_of_the_first(
    synth: SynthServiceAsyncStub, sink: MemorySink
) -> None:
    asked = [config(), text(TEXT)]

    first = await answers(synth, *asked)
    second = await answers(synth, *asked)

    assert second[-1].trailer.audio == first[-1].trailer.audio
    assert len(sink.kept) == 1


async def test_a_stream_with_the_request_id_of_another_is_refused_at_its_end(synth: SynthServiceAsyncStub) -> None:
    begin = config()
    await answers(synth, begin, text(TEXT))

    assert (await refusal(synth, begin, text("Another text."))).reason == "REQUEST_ID_REUSED"


async def test_a_stream_may_be_longer_than_one_text(voices_dir: Path, sink: MemorySink) -> None:
    async with serve_synth(voices_dir, sink, max_characters=50, max_stream_characters=120) as channel:
        synth = SynthServiceStub(channel)
        received = await answers(synth, config(), text("x " * 25), text("y " * 25))
        piece = await refusal(synth, config(), text("x" * 51))
        whole = await refusal(synth, config(), text("x " * 25), text("y " * 25), text("z " * 25))

    assert received[-1].HasField("trailer")
    assert (piece.reason, piece.metadata["max_characters"]) == ("TEXT_TOO_LONG", "50")
    assert (whole.reason, whole.metadata) == ("TEXT_TOO_LONG", {"characters": "150", "max_characters": "120"})


@pytest.mark.parametrize(
    ("pieces", "reason"),
    [
        ([], "TEXT_EMPTY"),
        ([""], "TEXT_EMPTY"),
        ([" ", "\n"], "TEXT_EMPTY"),
        (["..."], "TEXT_UNSPEAKABLE"),
        (["Hello", "\x00"], "TEXT_UNSPEAKABLE"),
    ],
)
@pytest.mark.parametrize("audio_format", FORMATS)
async def test_a_text_that_cannot_be_spoken_is_refused(
    synth: SynthServiceAsyncStub, sink: MemorySink, pieces: list[str], reason: str, audio_format: Any
) -> None:
    error = await refusal(synth, config(options=pb.SpeechOptions(format=audio_format)), *map(text, pieces))

    assert (error.reason, error.fields) == (reason, ("text",))
    assert not sink.kept


async def test_an_error_in_a_later_piece_comes_after_the_audio_before_it(synth: SynthServiceAsyncStub) -> None:
    requests = [config(), text("Hello there. And"), text("\x07")]
    received: list[pb.StreamSynthesizeResponse] = []

    async def receive() -> None:
        async for answer in synth.StreamSynthesize(iter(requests), timeout=20):
            received.append(answer)  # noqa: PERF401 - what came before the error is wanted

    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await receive()

    assert rpc_error(failed).metadata == {"field": "text", "position": "16"}
    assert [answer.segment.graphemes for answer in received if answer.HasField("segment")] == ["Hello there."]


@pytest.mark.parametrize(
    ("requests", "fields"),
    [
        ([], ("config",)),
        ([pb.StreamSynthesizeRequest()], ("config",)),
        ([text("Hello.")], ("config",)),
        ([config(request_id="")], ("config.request_id",)),
        ([config(), config()], ("config", "text")),
        ([config(), pb.StreamSynthesizeRequest()], ("text",)),
        ([config(options=pb.SpeechOptions(ssml=True))], ("config.options.ssml",)),
        ([config(options=pb.SpeechOptions(speed=5))], ("config.options.speed",)),
        ([config(options=pb.SpeechOptions(language_code="de"))], ("config.options.language_code",)),
        ([config(options=pb.SpeechOptions(pronunciations={"a": "[[ß]]"}))], ("config.options.pronunciations",)),
        ([config(destination=pb.Destination(url_ttl=Duration()))], ("config.destination.url_ttl",)),
    ],
)
async def test_a_stream_that_breaks_the_rules_is_refused(
    synth: SynthServiceAsyncStub, requests: list[pb.StreamSynthesizeRequest], fields: tuple[str, ...]
) -> None:
    error = await refusal(synth, *requests)

    assert (error.code, error.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
    assert error.fields == fields


async def test_a_failure_is_told_while_the_writer_is_still_writing(voices_dir: Path, sink: MemorySink) -> None:
    told = asyncio.Event()

    async def writer() -> AsyncIterator[pb.StreamSynthesizeRequest]:
        yield config()
        yield text("This sentence is far too long to be kept. And ")
        await told.wait()

    async with serve_synth(voices_dir, sink, max_audio_bytes=10_000) as channel:
        call = SynthServiceStub(channel).StreamSynthesize(writer(), timeout=20)
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            assert [answer async for answer in call] == []
        told.set()

    assert rpc_error(failed).reason == "AUDIO_TOO_LARGE"


@pytest.mark.parametrize("audio_format", FORMATS)
async def test_a_caller_who_goes_away_stops_the_work_and_keeps_nothing(
    synth: SynthServiceAsyncStub, sink: MemorySink, audio_format: Any
) -> None:
    async def writer() -> AsyncIterator[pb.StreamSynthesizeRequest]:
        yield config(options=pb.SpeechOptions(format=audio_format))
        while True:
            yield text("The quick brown fox jumps over the lazy dog. ")
            await asyncio.sleep(0)

    call = synth.StreamSynthesize(writer(), timeout=20)
    async for answer in call:
        if answer.HasField("chunk"):
            break
    call.cancel()

    # The server is free again, and has nothing of it.
    received = await answers(synth, config(discard=True), text("Hello."))
    assert received[-1].HasField("trailer")
    assert not sink.kept

"""What Synthesize refuses or could not keep, and what it says of it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from mayfly.synth.v1 import synth_service_pb2 as pb
from mayfly.synth.v1 import voice_pb2
from mayfly.synth.v1.synth_service_pb2_grpc import SynthServiceStub

from mayfly_runtime.testing import rpc_error
from mayfly_synth.domain import errors
from mayfly_synth.testing import MemorySink, serve_synth

if TYPE_CHECKING:
    from pathlib import Path

    from mayfly.synth.v1.synth_service_pb2_grpc import SynthServiceAsyncStub

    from mayfly_runtime.testing import RpcErrorDetails

TEXT = "Hello there. The quick brown fox jumps."


def request(text: str = TEXT, **fields: Any) -> pb.SynthesizeRequest:
    return pb.SynthesizeRequest(**{"request_id": str(uuid4()), "text": text, **fields})


async def refusal(synth: SynthServiceAsyncStub, asked: pb.SynthesizeRequest) -> RpcErrorDetails:
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await synth.Synthesize(asked, timeout=20)
    return rpc_error(failed)


async def test_a_retry_after_storage_failed_keeps_what_was_spoken(
    synth: SynthServiceAsyncStub, sink: MemorySink
) -> None:
    asked = request()
    sink.fail = errors.StorageUnavailableError(retry_after=timedelta(seconds=2))

    error = await refusal(synth, asked)
    answer = await synth.Synthesize(asked, timeout=20)

    assert (error.code, error.reason) == (grpc.StatusCode.UNAVAILABLE, "STORAGE_UNAVAILABLE")
    assert error.retry_after == timedelta(seconds=2)
    assert answer.audio.name


async def test_the_same_request_id_for_another_text_is_refused(synth: SynthServiceAsyncStub) -> None:
    asked = request()
    await synth.Synthesize(asked, timeout=20)

    error = await refusal(synth, request("Something else.", request_id=asked.request_id))

    assert (error.code, error.reason) == (grpc.StatusCode.ALREADY_EXISTS, "REQUEST_ID_REUSED")
    assert error.metadata == {"request_id": asked.request_id}


async def test_the_same_request_id_for_another_destination_is_refused(synth: SynthServiceAsyncStub) -> None:
    asked = request()
    await synth.Synthesize(asked, timeout=20)

    error = await refusal(synth, request(request_id=asked.request_id, destination=pb.Destination(collection="debug")))

    assert error.reason == "REQUEST_ID_REUSED"


@pytest.mark.parametrize(
    ("failure", "code", "reason", "metadata"),
    [
        (
            errors.StorageRefusedError("No such collection.", storage_reason="COLLECTION_UNKNOWN"),
            grpc.StatusCode.FAILED_PRECONDITION,
            "STORAGE_REFUSED",
            {"storage_reason": "COLLECTION_UNKNOWN"},
        ),
        (
            errors.QuotaExceededError(
                "Too much.", quota="characters", limit="3", used="3", reset_time="x", retry_after=timedelta(seconds=60)
            ),
            grpc.StatusCode.RESOURCE_EXHAUSTED,
            "QUOTA_EXCEEDED",
            {"quota": "characters", "limit": "3", "used": "3", "reset_time": "x"},
        ),
    ],
)
async def test_what_storage_refuses_is_told(
    synth: SynthServiceAsyncStub,
    sink: MemorySink,
    failure: Exception,
    code: grpc.StatusCode,
    reason: str,
    metadata: dict[str, str],
) -> None:
    sink.fail = failure

    error = await refusal(synth, request())

    assert (error.code, error.reason, error.metadata) == (code, reason, metadata)


@pytest.mark.parametrize(
    ("text", "reason", "metadata"),
    [
        ("", "TEXT_EMPTY", {"field": "text"}),
        (" \n\t ", "TEXT_EMPTY", {"field": "text"}),
        ("x" * 5001, "TEXT_TOO_LONG", {"characters": "5001", "max_characters": "5000"}),
        ("Hello\x00there", "TEXT_UNSPEAKABLE", {"field": "text", "position": "5"}),
        ("...", "TEXT_UNSPEAKABLE", {"field": "text", "position": "0"}),
    ],
)
async def test_a_text_that_cannot_be_spoken_is_refused(
    synth: SynthServiceAsyncStub, sink: MemorySink, text: str, reason: str, metadata: dict[str, str]
) -> None:
    error = await refusal(synth, request(text))

    assert (error.code, error.reason) == (grpc.StatusCode.INVALID_ARGUMENT, reason)
    assert error.metadata == metadata
    assert error.fields == ("text",)
    assert not sink.kept


@pytest.mark.parametrize(
    "request_id", ["", "42", "{0b1f2c3d-0000-4000-8000-000000000000}", "0b1f2c3d00004000800000000000000z"]
)
async def test_a_request_id_that_is_no_uuid_is_refused(synth: SynthServiceAsyncStub, request_id: str) -> None:
    error = await refusal(synth, request(request_id=request_id))

    assert (error.reason, error.fields) == ("INVALID_REQUEST", ("request_id",))


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"lenient_ssml": True}, "options.lenient_ssml"),
        ({"pronunciations": {"a": ""}}, "options.pronunciations"),
        ({"pronunciations": {"a": "x [[y]]"}}, "options.pronunciations"),
        ({"pronunciations": {"": "b"}}, "options.pronunciations"),
        ({"pronunciations": {"(": "b"}}, "options.pronunciations"),
        ({"pronunciations": {"a": "b" * 201}}, "options.pronunciations"),
        ({"pronunciations": {f"a{number}": "b" for number in range(101)}}, "options.pronunciations"),
        ({"pronunciations": {"a": "[[ß]]"}}, "options.pronunciations"),
        ({"pronunciations": {"a": "[[ ]]"}}, "options.pronunciations"),
        ({"pronunciations": {"a": "b\0c"}}, "options.pronunciations"),
        ({"pronunciations": {"Polish": "a", "polish": "b"}}, "options.pronunciations"),
        ({"pronunciations": {"\N{COMBINING ACUTE ACCENT}a": "b"}}, "options.pronunciations"),
        ({"loudness_lufs": 0.0}, "options.loudness_lufs"),
        ({"sample_rate_hertz": 7_999}, "options.sample_rate_hertz"),
        ({"sample_rate_hertz": 22_050, "format": voice_pb2.AUDIO_FORMAT_OPUS}, "options.sample_rate_hertz"),
        ({"bit_rate_bps": 15_999, "format": voice_pb2.AUDIO_FORMAT_MP3}, "options.bit_rate_bps"),
        ({"bit_rate_bps": 64_000}, "options.bit_rate_bps"),
        ({"bit_rate_bps": 32_000}, "options.bit_rate_bps"),
        ({"speed": 0.24}, "options.speed"),
        ({"speed": 4.01}, "options.speed"),
        ({"speed": 0.0}, "options.speed"),
        ({"speed": float("nan")}, "options.speed"),
        ({"volume": -0.1}, "options.volume"),
        ({"volume": float("inf")}, "options.volume"),
        ({"noise_scale": 2.1}, "options.noise_scale"),
        ({"noise_w_scale": -1.0}, "options.noise_w_scale"),
        ({"sentence_silence": Duration(seconds=11)}, "options.sentence_silence"),
        ({"sentence_silence": Duration(seconds=-1)}, "options.sentence_silence"),
        ({"language_code": "english, please"}, "options.language_code"),
        ({"language_code": "de"}, "options.language_code"),
        ({"voice": "en_US-mayfly-low", "language_code": "de"}, "options.language_code"),
    ],
)
async def test_an_option_that_cannot_be_followed_is_refused_and_never_ignored(
    synth: SynthServiceAsyncStub, options: dict[str, Any], field: str
) -> None:
    error = await refusal(synth, request(options=pb.SpeechOptions(**options)))

    assert (error.code, error.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
    assert error.fields == (field,)


@pytest.mark.parametrize(
    ("destination", "field"),
    [
        ({"ttl": Duration(nanos=999_999_999)}, "destination.ttl"),
        ({"ttl": Duration(seconds=-5)}, "destination.ttl"),
        ({"ttl": Duration(seconds=315_576_000_001)}, "destination.ttl"),
        ({"url_ttl": Duration()}, "destination.url_ttl"),
        ({"expire_time": Timestamp(seconds=10**15)}, "destination.expire_time"),
    ],
)
async def test_a_length_of_time_that_cannot_be_is_refused(
    synth: SynthServiceAsyncStub, destination: dict[str, Any], field: str
) -> None:
    error = await refusal(synth, request(destination=pb.Destination(**destination)))

    assert (error.reason, error.fields) == ("INVALID_REQUEST", (field,))


async def test_everything_that_is_wrong_is_told_at_once(synth: SynthServiceAsyncStub) -> None:
    error = await refusal(
        synth,
        request(
            request_id="no",
            options=pb.SpeechOptions(speed=9, lenient_ssml=True),
            destination=pb.Destination(ttl=Duration()),
        ),
    )

    wrong = {"request_id", "options.speed", "options.lenient_ssml", "destination.ttl"}
    assert set(error.fields) == wrong


@pytest.mark.parametrize(("value", "name"), [(99, "99")])
async def test_a_format_that_is_not_written_is_told_with_those_that_are(
    synth: SynthServiceAsyncStub, value: Any, name: str
) -> None:
    error = await refusal(synth, request(options=pb.SpeechOptions(format=value)))

    assert (error.code, error.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "FORMAT_UNKNOWN")
    assert error.metadata == {"format": name, "allowed": "wav, mp3, opus, aac, flac, pcm, mulaw, alaw"}


async def test_an_unknown_voice_and_an_unknown_speaker_are_not_found(synth: SynthServiceAsyncStub) -> None:
    voice = await refusal(synth, request(options=pb.SpeechOptions(voice="en_US-mayfly")))
    speaker = await refusal(synth, request(options=pb.SpeechOptions(speaker="p1")))

    assert (voice.code, voice.reason) == (grpc.StatusCode.NOT_FOUND, "VOICE_UNKNOWN")
    assert voice.metadata["near"] == "en_US-mayfly-low"
    assert (speaker.code, speaker.reason) == (grpc.StatusCode.NOT_FOUND, "SPEAKER_UNKNOWN")
    assert speaker.metadata["speaker"] == "p1"


async def test_speech_that_is_larger_than_what_is_kept_is_refused(voices_dir: Path, sink: MemorySink) -> None:
    async with serve_synth(voices_dir, sink, max_audio_bytes=50_000) as channel:
        error = await refusal(SynthServiceStub(channel), request())

    assert (error.code, error.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "AUDIO_TOO_LARGE")
    assert error.metadata["max_size_bytes"] == "50000"
    assert not sink.kept

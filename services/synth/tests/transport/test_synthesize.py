# ruff: noqa: RUF001 - phonemes look like letters
from __future__ import annotations

import asyncio
import hashlib
import io
import wave
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from mayfly.synth.v1 import synth_service_pb2 as pb
from mayfly.synth.v1 import voice_pb2

if TYPE_CHECKING:
    from mayfly.synth.v1.synth_service_pb2_grpc import SynthServiceAsyncStub

    from mayfly_synth.testing import MemorySink

TEXT = "Hello there. The quick brown fox jumps."


def request(text: str = TEXT, **fields: Any) -> pb.SynthesizeRequest:
    return pb.SynthesizeRequest(**{"request_id": str(uuid4()), "text": text, **fields})


async def test_a_text_is_spoken_and_kept(synth: SynthServiceAsyncStub, sink: MemorySink) -> None:
    answer = await synth.Synthesize(request(), timeout=20)

    (kept,) = sink.kept.values()
    assert kept.speech.text == TEXT
    assert answer.audio.sha256 == hashlib.sha256(kept.speech.data).digest()
    assert answer.audio.size_bytes == len(kept.speech.data)
    assert answer.audio.content_type == "audio/wav"
    assert answer.audio.url
    assert (answer.voice, answer.language_code, answer.sample_rate_hertz) == ("en_US-mayfly-low", "en_US", 16_000)
    assert answer.processing_time.ToTimedelta() > timedelta()
    with wave.open(io.BytesIO(kept.speech.data)) as file:
        seconds = file.getnframes() / file.getframerate()
    assert answer.audio.duration.ToTimedelta() == timedelta(seconds=seconds)
    assert 2 < seconds < 6


async def test_segments_tell_what_is_heard_when(synth: SynthServiceAsyncStub) -> None:
    answer = await synth.Synthesize(request(options=pb.SpeechOptions(sentence_silence=Duration(seconds=1))), timeout=20)

    first, second = answer.segments
    assert [first.graphemes, second.graphemes] == ["Hello there.", "The quick brown fox jumps."]
    assert [first.index, second.index] == [0, 1]
    assert first.phonemes == "həlˈoʊ ðˈɛɹ."
    assert [word.graphemes for word in first.words] == ["Hello", "there"]
    assert not first.words_estimated
    assert first.timing.start_offset.ToTimedelta() == timedelta()
    pause = second.timing.start_offset.ToTimedelta() - first.timing.end_offset.ToTimedelta()
    assert pause == timedelta(seconds=1)
    rest = answer.audio.duration.ToTimedelta() - second.timing.end_offset.ToTimedelta()
    assert rest == timedelta(seconds=1)


async def test_an_mp3_is_kept_as_one(synth: SynthServiceAsyncStub, sink: MemorySink) -> None:
    options = pb.SpeechOptions(format=voice_pb2.AUDIO_FORMAT_MP3)

    answer = await synth.Synthesize(request(options=options), timeout=20)

    (kept,) = sink.kept.values()
    assert answer.audio.content_type == "audio/mpeg"
    assert answer.audio.file_name.endswith(".mp3")
    assert kept.speech.data[:3] == b"ID3"
    assert b"Info" in kept.speech.data[:300]
    assert len(kept.speech.data) == pytest.approx(answer.audio.duration.ToTimedelta().total_seconds() * 8000, rel=0.1)


@pytest.mark.parametrize(
    ("value", "content_type", "extension", "magic"),
    [
        (voice_pb2.AUDIO_FORMAT_OPUS, "audio/ogg", ".ogg", b"OggS"),
        (voice_pb2.AUDIO_FORMAT_AAC, "audio/mp4", ".m4a", b"\0\0\0\x1cftyp"),
        (voice_pb2.AUDIO_FORMAT_FLAC, "audio/flac", ".flac", b"fLaC"),
        (voice_pb2.AUDIO_FORMAT_PCM, "audio/L16", ".pcm", b""),
        (voice_pb2.AUDIO_FORMAT_MULAW, "audio/basic", ".ulaw", b""),
        (voice_pb2.AUDIO_FORMAT_ALAW, "audio/x-alaw-basic", ".alaw", b""),
    ],
)
async def test_every_other_format_is_kept_as_what_it_is(
    synth: SynthServiceAsyncStub, sink: MemorySink, value: Any, content_type: str, extension: str, magic: bytes
) -> None:
    answer = await synth.Synthesize(request(options=pb.SpeechOptions(format=value)), timeout=30)

    (kept,) = sink.kept.values()
    assert answer.audio.content_type == content_type
    assert answer.audio.file_name.endswith(extension)
    assert kept.speech.data.startswith(magic)


async def test_a_sample_rate_and_a_loudness_are_followed_and_told(
    synth: SynthServiceAsyncStub, sink: MemorySink
) -> None:
    options = pb.SpeechOptions(sample_rate_hertz=24_000, loudness_lufs=-20.0)

    answer = await synth.Synthesize(request(options=options), timeout=30)

    (kept,) = sink.kept.values()
    assert answer.sample_rate_hertz == 24_000
    assert answer.loudness_lufs == pytest.approx(-20.0, abs=0.5)
    with wave.open(io.BytesIO(kept.speech.data)) as file:
        assert file.getframerate() == 24_000
        assert file.getnframes() / 24_000 == pytest.approx(
            answer.audio.duration.ToTimedelta().total_seconds(), abs=1e-3
        )


async def test_the_destination_reaches_the_sink(synth: SynthServiceAsyncStub, sink: MemorySink) -> None:
    destination = pb.Destination(
        collection="speech-sessions",
        key_fields={"session_id": "s1", "index": "0"},
        ttl=Duration(seconds=90),
        url_ttl=Duration(seconds=30),
        guest_address="192.0.2.1",
        labels={"b": "2", "a": "1"},
    )

    await synth.Synthesize(request(destination=destination), timeout=20)

    (kept,) = sink.kept.values()
    told = kept.destination
    assert (told.collection, told.ttl, told.url_ttl) == (
        "speech-sessions",
        timedelta(seconds=90),
        timedelta(seconds=30),
    )
    assert told.key_fields == (("index", "0"), ("session_id", "s1"))
    assert told.labels == (("a", "1"), ("b", "2"))
    assert told.guest_address == "192.0.2.1"
    assert "192.0.2.1" not in repr(told)


async def test_an_absolute_expiry_and_a_user_reach_the_sink(synth: SynthServiceAsyncStub, sink: MemorySink) -> None:
    moment = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
    expire_time = Timestamp()
    expire_time.FromDatetime(moment)

    await synth.Synthesize(request(destination=pb.Destination(expire_time=expire_time, user_id="u1")), timeout=20)

    (kept,) = sink.kept.values()
    assert (kept.destination.expire_time, kept.destination.ttl, kept.destination.user_id) == (moment, None, "u1")


async def test_a_retry_gets_the_same_audio_although_the_voice_never_repeats_itself(
    synth: SynthServiceAsyncStub, sink: MemorySink
) -> None:
    asked = request()

    first = await synth.Synthesize(asked, timeout=20)
    second = await synth.Synthesize(asked, timeout=20)

    assert second.audio == first.audio
    assert second.segments == first.segments
    assert len(sink.kept) == 1


async def test_work_that_cannot_end_in_time_is_cancelled_and_told(
    synth: SynthServiceAsyncStub, sink: MemorySink
) -> None:
    # Each sentence is another one, or the first would be remembered for all.
    text = "".join(f"Sentence {number} has a few words of its own. " for number in range(100))
    long = request(text, options=pb.SpeechOptions(speed=0.25))

    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await synth.Synthesize(long, timeout=0.2)

    assert failed.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert not sink.kept
    # The server is free again.
    await synth.Synthesize(request(), timeout=20)


async def test_many_callers_are_served_side_by_side_and_each_gets_its_own(
    synth: SynthServiceAsyncStub, sink: MemorySink
) -> None:
    texts = [f"This is caller number {number}." for number in range(12)]

    answers = await asyncio.gather(*(synth.Synthesize(request(text), timeout=60) for text in texts))

    assert [answer.segments[0].graphemes for answer in answers] == texts
    assert len(sink.kept) == 12

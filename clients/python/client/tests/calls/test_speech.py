from __future__ import annotations

import io
import wave
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from mayfly_client import (
    AudioChunk,
    InvalidRequestError,
    LimitedBy,
    Segment,
    ServerBusyError,
    SpeechHeader,
    SpeechTrailer,
    VoiceNotFoundError,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from mayfly_client.testing import FakeMayfly


def length_of(data: bytes) -> timedelta:
    with wave.open(io.BytesIO(data)) as reader:
        return timedelta(seconds=reader.getnframes() / reader.getframerate())


async def test_speech_is_stored_and_as_long_as_it_says(mayfly: Any) -> None:
    speech = await mayfly.call("speak", "Hello there. How are you?", ttl=3_600, url_ttl=60, labels={"a": "b"})
    data = await mayfly.call("download", speech.name)
    audio = await mayfly.call("get", speech.name)

    assert [each.graphemes for each in speech.segments] == ["Hello there.", "How are you?"]
    assert speech.segments[0].end < speech.segments[1].start
    assert abs(length_of(data) - speech.duration) < timedelta(milliseconds=2)
    assert (audio.voice, audio.text) == ("en_US-fake-low", "Hello there. How are you?")
    assert audio.labels == {"a": "b"}
    assert audio.expire_time == audio.create_time + timedelta(hours=1) == speech.expire_time
    assert speech.audio.url_expire_time == audio.create_time + timedelta(minutes=1)


async def test_speech_goes_where_it_is_told(mayfly: Any) -> None:
    speech = await mayfly.call(
        "speak",
        "Hello.",
        format="mp3",
        collection="speech-sessions",
        key_fields={"session_id": "s1", "index": "4"},
        user_id="u1",
    )

    assert speech.audio.object_key == "audio/users/u1/s1/segment_004.mp3"
    assert speech.audio.content_type == "audio/mpeg"
    assert (await mayfly.call("url", speech.name)).limited_by is LimitedBy.POLICY


@pytest.mark.parametrize(
    ("text", "reason", "metadata"),
    [
        ("", "TEXT_EMPTY", {"field": "text"}),
        (" \n", "TEXT_EMPTY", {"field": "text"}),
        ("a" * 5_001, "TEXT_TOO_LONG", {"characters": "5001", "max_characters": "5000"}),
        ("a\x07", "TEXT_UNSPEAKABLE", {"field": "text", "position": "1"}),
    ],
)
async def test_a_text_that_cannot_be_spoken(mayfly: Any, text: str, reason: str, metadata: dict[str, str]) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        await mayfly.call("speak", text)

    assert (caught.value.reason, caught.value.metadata, caught.value.domain) == (reason, metadata, "synth.mayfly")
    assert [each.field for each in caught.value.violations] == ["text"]


async def test_an_unknown_voice_is_told_with_near_ones(mayfly: Any) -> None:
    with pytest.raises(VoiceNotFoundError) as caught:
        await mayfly.call("speak", "Hello.", voice="en_US-fake-lo")

    assert "en_US-fake-low" in caught.value.metadata["near"]


async def test_a_format_that_the_server_cannot_write(mayfly: Any) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        await mayfly.call("speak", "Hello.", format="flac")

    assert caught.value.metadata == {"format": "flac", "allowed": "wav, mp3"}


async def test_a_busy_server_says_when_to_come_back(mayfly: Any, fake: FakeMayfly) -> None:
    later = timedelta(seconds=2)
    fake.refuse("Synthesize", grpc.StatusCode.RESOURCE_EXHAUSTED, "SERVER_BUSY", retry_after=later)

    with pytest.raises(ServerBusyError) as caught:
        await mayfly.call("speak", "Hello.")

    assert caught.value.retry_after == later
    assert [call.method for call in fake.calls] == ["Synthesize"]


async def test_a_file_for_each_sentence(mayfly: Any) -> None:
    speech = await mayfly.call(
        "speak",
        "One. Two.",
        file_per_segment=True,
        collection="speech-sessions",
        key_fields={"session_id": "s1"},
        user_id="u1",
    )

    assert speech.stored is None
    keys = [segment.audio.object_key for segment in speech.segments]
    assert keys == ["audio/users/u1/s1/segment_000.wav", "audio/users/u1/s1/segment_001.wav"]
    assert (await mayfly.call("download", speech.segments[1].audio.name))[:4] == b"RIFF"
    with pytest.raises(ValueError, match="one file for each segment"):
        _ = speech.audio


async def test_ssml_is_text_with_markup(mayfly: Any) -> None:
    speech = await mayfly.call("speak", "<speak>One. Two.</speak>", ssml=True)

    assert [segment.graphemes for segment in speech.segments] == ["One.", "Two."]


async def test_voices_are_listed_by_language(mayfly: Any) -> None:
    everyone = await mayfly.call("voices")
    german = await mayfly.call("voices", "de")
    american = await mayfly.call("voices", "en-us")

    assert [each.name for each in everyone] == ["de_DE-fake-low", "en_US-fake-low"]
    assert [each.is_default for each in everyone] == [False, True]
    assert [each.speakers for each in german] == [("anna", "otto")]
    assert [each.name for each in american] == ["en_US-fake-low"]
    assert await mayfly.call("voices", "de_D") == []


async def test_the_language_decides_where_no_voice_is_named(mayfly: Any) -> None:
    spoken = [await mayfly.call("speak", "Hello.", language_code=code) for code in ("en", "de-de", None)]

    assert [each.voice for each in spoken] == ["en_US-fake-low", "de_DE-fake-low", "en_US-fake-low"]


@pytest.mark.parametrize(
    ("voice", "language_code"), [(None, "fr"), ("en_US-fake-low", "de"), ("de_DE-fake-low", "de_D")]
)
async def test_a_language_that_is_not_the_voices_is_refused(mayfly: Any, voice: str | None, language_code: str) -> None:
    asked = {"voice": voice, "language_code": language_code}
    with pytest.raises(InvalidRequestError) as unspoken:
        await mayfly.call("speak", "Hello.", **asked)
    with pytest.raises(InvalidRequestError) as unstreamed:
        await mayfly.collect("stream_speech", "Hello.", **asked)

    blamed = [each.field for caught in (unspoken, unstreamed) for each in caught.value.violations]
    assert blamed == ["options.language_code", "config.options.language_code"]


async def test_a_stream_has_a_header_audio_segments_and_a_trailer(mayfly: Any) -> None:
    items = await mayfly.collect("stream_speech", "One. Two.", ttl=60)

    header, trailer = items[0], items[-1]
    data = b"".join(item.data for item in items if isinstance(item, AudioChunk))
    assert isinstance(header, SpeechHeader)
    assert header.content_type == "audio/wav"
    assert [item.graphemes for item in items if isinstance(item, Segment)] == ["One.", "Two."]
    assert isinstance(trailer, SpeechTrailer)
    assert trailer.stored is not None
    assert await mayfly.call("download", trailer.stored.name) == data


async def test_a_discarded_stream_leaves_nothing(mayfly: Any) -> None:
    items = await mayfly.collect("stream_speech", "One. Two.", discard=True)

    assert items[-1].stored is None
    assert await mayfly.collect("list") == []


async def test_a_stream_can_be_refused(mayfly: Any) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        await mayfly.collect("stream_speech", "")

    assert caught.value.reason == "TEXT_EMPTY"


async def test_text_may_come_in_pieces(fake: FakeMayfly) -> None:
    async def pieces() -> AsyncIterator[str]:
        for piece in ("On", "e. T", "wo."):
            yield piece

    async with fake.async_client() as client:
        items = [item async for item in client.stream_speech(pieces())]
    with fake.client() as sync_client:
        same = list(sync_client.stream_speech(iter(["On", "e. T", "wo."])))

    spoken = [item.graphemes for item in items if isinstance(item, Segment)]
    assert spoken == ["One.", "Two."] == [item.graphemes for item in same if isinstance(item, Segment)]


async def test_a_failure_of_the_callers_own_text_is_the_callers_to_see(fake: FakeMayfly) -> None:
    async def broken() -> AsyncIterator[str]:
        yield "One. "
        raise KeyError("mine")

    async with fake.async_client() as client:
        with pytest.raises(KeyError, match="mine"):
            _ = [item async for item in client.stream_speech(broken())]


def test_a_failure_of_the_callers_own_text_is_the_callers_to_see_synchronously(fake: FakeMayfly) -> None:
    def broken() -> Iterator[str]:
        yield "One. "
        raise KeyError("mine")

    with fake.client() as client, pytest.raises(KeyError, match="mine"):
        list(client.stream_speech(broken()))


async def test_a_failure_of_the_callers_own_bytes_saves_nothing(fake: FakeMayfly) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"RIFF"
        raise KeyError("mine")

    async with fake.async_client() as client:
        with pytest.raises(KeyError, match="mine"):
            await client.upload_stream(broken(), collection="temp-audio", content_type="audio/wav")
        assert [audio async for audio in client.list()] == []

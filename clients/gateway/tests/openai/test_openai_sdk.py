"""What OpenAI's own package says to us, and what it understands."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import wave
from typing import TYPE_CHECKING, Any

import grpc
import openai
import pytest

from mayfly_client.testing import FakeMayfly

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

KEY = "sk-made-up-for-the-tests"
TEXT = "Hello there. How are you?"


@pytest.fixture
async def client(base_url: str) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=base_url, api_key=KEY, max_retries=0) as opened:
        yield opened


@pytest.fixture
def blocking(base_url: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=base_url, api_key=KEY, max_retries=0) as opened:
        yield opened


def spoken(**changes: Any) -> dict[str, Any]:
    return {"model": "tts-1", "voice": "alloy", "input": TEXT, "response_format": "wav", **changes}


async def test_the_asynchronous_client_speaks(client: openai.AsyncOpenAI) -> None:
    answer = await client.audio.speech.create(**spoken())

    with wave.open(io.BytesIO(answer.content)) as sound:
        assert sound.getnchannels() == 1
    assert answer.response.headers["content-type"] == "audio/wav"


async def test_the_blocking_client_speaks(blocking: openai.OpenAI) -> None:
    answer = await asyncio.to_thread(blocking.audio.speech.create, **spoken())

    assert answer.content.startswith(b"RIFF")


async def test_audio_streams(client: openai.AsyncOpenAI) -> None:
    async with client.audio.speech.with_streaming_response.create(**spoken(input=TEXT * 50)) as answer:
        pieces = [piece async for piece in answer.iter_bytes(4_096)]

    assert len(pieces) > 1
    assert b"".join(pieces).startswith(b"RIFF")


async def test_mp3_is_what_comes_if_nothing_is_said(client: openai.AsyncOpenAI) -> None:
    answer = await client.audio.speech.create(model="tts-1", voice="alloy", input=TEXT)

    assert answer.response.headers["content-type"] == "audio/mpeg"


async def test_events_carry_audio_and_an_end(client: openai.AsyncOpenAI) -> None:
    whole = (await client.audio.speech.create(**spoken())).content
    async with client.audio.speech.with_streaming_response.create(**spoken(stream_format="sse")) as answer:
        kind = answer.headers["content-type"]
        events = [json.loads(line.removeprefix("data: ")) async for line in answer.iter_lines() if line]

    assert kind.startswith("text/event-stream")
    assert [event["type"] for event in events][-1] == "speech.audio.done"
    assert b"".join(base64.b64decode(event["audio"]) for event in events[:-1]) == whole


@pytest.mark.parametrize(
    ("voice", "speaks"),
    [
        ("alloy", "en_US-fake-low"),
        ("nova", "de_DE-fake-low"),
        ("de_DE-fake-low", "de_DE-fake-low"),
        ({"id": "nova"}, "de_DE-fake-low"),
    ],
)
async def test_openais_voices_stand_for_ours(
    client: openai.AsyncOpenAI, fake: FakeMayfly, voice: Any, speaks: str
) -> None:
    spoken_by_us = await client.audio.speech.create(**spoken(voice=voice))
    async with fake.async_client() as mayfly:
        directly = b"".join(
            [
                item.data
                async for item in mayfly.stream_speech(TEXT, voice=speaks, discard=True)
                if hasattr(item, "data")
            ]
        )

    assert spoken_by_us.content == directly


async def test_models_and_voices_are_listed(client: openai.AsyncOpenAI) -> None:
    names = [model.id async for model in await client.models.list()]
    one = await client.models.retrieve("tts-1")
    voices = await client.get("/audio/voices", cast_to=object)
    models = await client.get("/audio/models", cast_to=object)

    assert "tts-1" in names
    assert (one.object, one.owned_by) == ("model", "mayfly")
    assert {"alloy", "nova", "de_DE-fake-low"} <= {voice["id"] for voice in voices["voices"]}  # type: ignore[index]
    assert {"tts-1"} <= {model["id"] for model in models["models"]}  # type: ignore[index]


@pytest.mark.parametrize(
    ("changes", "kind", "param"),
    [
        ({"voice": "nobody"}, openai.BadRequestError, "voice"),
        ({"voice": ""}, openai.BadRequestError, "voice"),
        ({"voice": 5}, openai.BadRequestError, "voice"),
        ({"voice": {"name": "nova"}}, openai.BadRequestError, "voice"),
        ({"input": ""}, openai.BadRequestError, "input"),
        ({"input": "a" * 4_097}, openai.BadRequestError, "input"),
        ({"input": " "}, openai.BadRequestError, "input"),
        ({"input": "...", "stream_format": "sse"}, openai.BadRequestError, "input"),
        ({"input": "a\0b", "response_format": "mp3"}, openai.BadRequestError, "input"),
        ({"speed": 9.0}, openai.BadRequestError, "speed"),
        ({"response_format": "exe"}, openai.BadRequestError, "response_format"),
    ],
)
async def test_errors_are_the_sdks_own_and_name_the_field(
    client: openai.AsyncOpenAI, changes: dict[str, Any], kind: type[openai.APIStatusError], param: str
) -> None:
    with pytest.raises(kind) as caught:
        await client.audio.speech.create(**spoken(**changes))

    assert (caught.value.param, caught.value.type) == (param, "invalid_request_error")


async def test_an_unknown_voice_is_told_with_one_like_it(client: openai.AsyncOpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="Did you mean en_US-fake-low"):
        await client.audio.speech.create(**spoken(voice="en_US-fake-lo"))


async def test_a_wrong_key_is_an_authentication_error(base_url: str) -> None:
    async with openai.AsyncOpenAI(base_url=base_url, api_key="sk-guess", max_retries=0) as stranger:
        with pytest.raises(openai.AuthenticationError, match="bearer token"):
            await stranger.audio.speech.create(**spoken())


async def test_a_model_that_there_is_not_is_not_found(client: openai.AsyncOpenAI) -> None:
    with pytest.raises(openai.NotFoundError):
        await client.models.retrieve("gpt-99")


async def test_a_busy_server_is_tried_again_by_the_sdk(base_url: str, fake: FakeMayfly) -> None:
    fake.refuse("StreamSynthesize", grpc.StatusCode.RESOURCE_EXHAUSTED, "SERVER_BUSY")

    async with openai.AsyncOpenAI(base_url=base_url, api_key=KEY, max_retries=2) as client:
        answer = await client.audio.speech.create(**spoken())

    assert answer.content.startswith(b"RIFF")


async def test_nothing_of_it_is_stored(client: openai.AsyncOpenAI, fake: FakeMayfly) -> None:
    await client.audio.speech.create(**spoken())

    async with fake.async_client() as mayfly:
        assert [audio async for audio in mayfly.list()] == []


class TestTranscriptions:
    @pytest.fixture
    def fake(self) -> Iterator[FakeMayfly]:
        with FakeMayfly(transcript="hello there") as running:
            yield running

    async def test_the_sdk_gets_what_is_said(self, client: openai.AsyncOpenAI) -> None:
        sound = (await client.audio.speech.create(**spoken())).content

        answer = await client.audio.transcriptions.create(model="whisper-1", file=("talk.wav", sound))

        assert answer.text == "hello there"

    async def test_the_sdk_gets_more_where_it_asks_for_that(self, base_url: str) -> None:
        async with openai.AsyncOpenAI(base_url=base_url, api_key=KEY, _strict_response_validation=True) as strict:
            sound = (await strict.audio.speech.create(**spoken())).content
            answer = await strict.audio.transcriptions.create(
                model="whisper-1", file=("talk.wav", sound), response_format="verbose_json"
            )

        assert (answer.text, answer.language) == ("hello there", "und")
        assert answer.duration > 1

    async def test_the_sdk_gets_it_as_events_where_it_asks_for_them(self, client: openai.AsyncOpenAI) -> None:
        sound = (await client.audio.speech.create(**spoken())).content

        stream = await client.audio.transcriptions.create(model="whisper-1", file=("talk.wav", sound), stream=True)
        events = [event async for event in stream]

        assert [event.type for event in events] == ["transcript.text.delta", "transcript.text.done"]
        assert events[-1].type == "transcript.text.done"
        assert events[-1].text == "hello there"

    async def test_the_sdk_gets_it_though_the_copy_that_was_heard_cannot_be_deleted(
        self, client: openai.AsyncOpenAI, fake: FakeMayfly
    ) -> None:
        sound = (await client.audio.speech.create(**spoken())).content
        fake.refuse("DeleteAudio", grpc.StatusCode.UNAVAILABLE, "BACKEND_UNAVAILABLE", times=9)

        answer = await client.audio.transcriptions.create(model="whisper-1", file=("talk.wav", sound))

        assert answer.text == "hello there"

    async def test_a_file_that_is_no_audio_is_named_as_the_sdk_calls_it(self, client: openai.AsyncOpenAI) -> None:
        with pytest.raises(openai.UnprocessableEntityError) as caught:
            await client.audio.transcriptions.create(model="whisper-1", file=("talk.wav", b"no audio"))

        assert caught.value.param == "file"


async def test_without_a_transcriber_the_sdk_is_told_so(client: openai.AsyncOpenAI) -> None:
    sound = (await client.audio.speech.create(**spoken())).content

    with pytest.raises(openai.ConflictError) as caught:
        await client.audio.transcriptions.create(model="whisper-1", file=("talk.wav", sound))

    assert caught.value.code == "transcriber_missing"

from __future__ import annotations

import io
import math
import struct
import wave
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import grpc
import httpx
import pytest

from mayfly_client.testing import FakeMayfly

if TYPE_CHECKING:
    from collections.abc import Iterator


def tone(seconds: float = 1.0) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        rising = [round(9_000 * math.sin(at / 20)) for at in range(round(seconds * 16_000))]
        file.writeframes(struct.pack(f"<{len(rising)}h", *rising))
    return out.getvalue()


async def processed(browser: httpx.AsyncClient, source: bytes = b"", **form: Any) -> httpx.Response:
    return await browser.post("/process", data=form, files={"file": ("in.wav", source or tone(), "audio/wav")})


async def test_the_result_lies_at_the_pitchs_own_key_and_nothing_is_left_to_upload(browser: httpx.AsyncClient) -> None:
    answer = await processed(browser, preset="speech-to-text", pitch_id="p1")

    told = answer.json()
    assert answer.status_code == 200
    assert told["direct_upload"] is True
    assert told["s3_key"] == "pitches/p1/processed/transcoded_file.mp3"
    assert told["expires_at"] is None
    assert told["input_size"] == len(tone())
    async with httpx.AsyncClient(timeout=60) as other:
        fetched = await other.get(told["audio_url"])
    assert len(fetched.content) == told["output_size"]


async def test_a_projects_temporary_result_ends_in_an_hour(browser: httpx.AsyncClient) -> None:
    told = (await processed(browser, project_id="j1", pitch_id="p1", filename="cut.mp3")).json()

    assert told["s3_key"] == "processed-audio/j1/p1/cut.mp3"
    assert told["expires_at"] is not None


async def test_without_a_pitch_it_is_kept_for_a_day(browser: httpx.AsyncClient) -> None:
    told = (await processed(browser, format="wav")).json()

    assert told["s3_key"].startswith("temp-audio/")
    assert (await browser.get(told["link"])).status_code == 302


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"format": "exe"}, "format"),
        ({"pitch_id": "../p"}, "pitch_id"),
        ({"filename": "../x.mp3"}, "filename"),
        ({"project_id": "j1"}, "pitch_id"),
        ({"start": -1}, "start"),
        ({"bit_rate": 1}, "bit_rate"),
    ],
)
async def test_wrong_fields_are_named(browser: httpx.AsyncClient, form: dict[str, Any], field: str) -> None:
    answer = await processed(browser, **form)

    assert answer.status_code == 422
    assert [one["field"] for one in answer.json()["error"]["violations"]] == [field]


@pytest.mark.parametrize(
    ("reason", "code", "status", "category"),
    [
        ("AUDIO_UNREADABLE", grpc.StatusCode.INVALID_ARGUMENT, 422, "invalid_input"),
        ("AUDIO_TOO_LARGE", grpc.StatusCode.INVALID_ARGUMENT, 413, "too_large"),
        ("STORAGE_UNAVAILABLE", grpc.StatusCode.UNAVAILABLE, 503, "storage_error"),
        ("SERVER_BUSY", grpc.StatusCode.RESOURCE_EXHAUSTED, 503, "busy"),
    ],
)
async def test_errors_have_system_ds_categories(
    browser: httpx.AsyncClient, fake: FakeMayfly, reason: str, code: grpc.StatusCode, status: int, category: str
) -> None:
    fake.refuse("ProcessAudio", code, reason, times=9)

    answer = await processed(browser)

    assert (answer.status_code, answer.json()["error"]["reason"]) == (status, reason)
    assert answer.json()["error"]["metadata"]["error_type"] == category


async def test_what_is_no_audio_is_refused(browser: httpx.AsyncClient) -> None:
    answer = await processed(browser, source=b"this is no audio")

    assert (answer.status_code, answer.json()["error"]["metadata"]["error_type"]) == (422, "invalid_input")


@pytest.mark.parametrize(("source", "form", "field"), [(b"", {"start": 5, "end": 2}, "end"), (b"no audio", {}, "file")])
async def test_what_synth_finds_wrong_is_told_in_the_words_of_the_form(
    browser: httpx.AsyncClient, source: bytes, form: dict[str, Any], field: str
) -> None:
    answer = await processed(browser, source, **form)

    assert [one["field"] for one in answer.json()["error"]["violations"]] == [field]
    assert "config." not in answer.text


async def test_a_transcript_needs_a_transcriber(browser: httpx.AsyncClient) -> None:
    answer = await processed(browser, transcribe=True)

    assert answer.status_code == 409
    assert answer.json()["error"]["metadata"]["error_type"] == "transcription_error"


class TestTranscripts:
    @pytest.fixture
    def fake(self) -> Iterator[FakeMayfly]:
        with FakeMayfly(transcript="hello there") as running:
            yield running

    async def test_text_comes_with_the_audio(self, browser: httpx.AsyncClient) -> None:
        assert (await processed(browser, transcribe=True)).json()["text"] == "hello there"

    @pytest.mark.parametrize(("kind", "expected"), [("json", '{"text":"hello there"}'), ("text", "hello there")])
    async def test_openais_transcriptions_keep_nothing(
        self, browser: httpx.AsyncClient, fake: FakeMayfly, kind: str, expected: str
    ) -> None:
        answer = await browser.post(
            "/v1/audio/transcriptions",
            data={"model": "whisper-1", "response_format": kind},
            files={"file": ("in.wav", tone(), "audio/wav")},
        )

        assert answer.text == expected
        async with fake.async_client() as mayfly:
            assert [audio async for audio in mayfly.list()] == []

    async def test_an_analysis_measures_and_stores_or_does_neither(
        self, browser: httpx.AsyncClient, fake: FakeMayfly
    ) -> None:
        files = {"file": ("talk.wav", tone(2.0), "audio/wav")}
        data = {"user_id": "u7", "recording_id": "r1", "transcribe": "true"}

        answer = await browser.post("/speech/analyze", data=data, files=files)
        fake.refuse("ProcessAudio", grpc.StatusCode.INVALID_ARGUMENT, "AUDIO_UNREADABLE")
        refused = await browser.post("/speech/analyze", data=data | {"recording_id": "r2"}, files=files)

        told = answer.json()
        assert answer.status_code == 201
        assert told["recording"]["file_path"] == "users/u7/recordings/r1/audio.wav"
        assert told["recording"]["duration"] == told["analysis"]["duration"] == pytest.approx(2.0)
        assert told["analysis"]["words_per_minute"] == 60
        assert refused.status_code == 422
        async with fake.async_client() as mayfly:
            assert [audio.key_fields["recording_id"] async for audio in mayfly.list()] == ["r1"]

    async def test_an_analysis_is_told_though_the_copy_that_was_heard_cannot_be_deleted(
        self, browser: httpx.AsyncClient, fake: FakeMayfly
    ) -> None:
        files = {"file": ("talk.wav", tone(2.0), "audio/wav")}
        fake.refuse("DeleteAudio", grpc.StatusCode.UNAVAILABLE, "BACKEND_UNAVAILABLE", times=9)

        answer = await browser.post("/speech/analyze", data={"user_id": "u7"}, files=files)
        fake.clock.advance(timedelta(minutes=5))

        assert answer.status_code == 201
        async with fake.async_client() as mayfly:
            assert [audio.collection async for audio in mayfly.list()] == ["recordings"]

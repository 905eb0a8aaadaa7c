from __future__ import annotations

import io
import math
import wave
from array import array
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from mayfly_client import (
    AudioNotFoundError,
    InvalidRequestError,
    PreconditionError,
    ProcessedAudio,
    QuotaExceededError,
    ServerBusyError,
)
from mayfly_client.testing import FakeMayfly

if TYPE_CHECKING:
    from pathlib import Path

RATE = 8_000


def wav(samples: array[int]) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(RATE)
        writer.writeframes(samples.tobytes())
    return file.getvalue()


def tone(seconds: float) -> array[int]:
    return array("h", (round(9_000 * math.cos(i / 3)) for i in range(round(seconds * RATE))))


def silence(seconds: float) -> array[int]:
    return array("h", bytes(2 * round(seconds * RATE)))


SOUND = wav(silence(1) + tone(2) + silence(1))


async def test_bytes_are_processed_and_the_result_lies_at_its_final_key(mayfly: Any, fake: FakeMayfly) -> None:
    made: ProcessedAudio = await mayfly.call(
        "process_audio",
        SOUND,
        preset="speech-to-text",
        collection="pitches",
        key_fields={"pitch_id": "p1", "filename": "take.mp3"},
    )

    assert made.direct_upload
    assert made.object_key == "pitches/p1/processed/take.mp3"
    assert (made.source_container, made.source_size_bytes) == ("wav", len(SOUND))
    assert made.source_duration == timedelta(seconds=4)
    assert made.duration == timedelta(seconds=2)
    assert (await mayfly.call("get", made.name)).labels["source"] == "upload"
    assert made.url not in repr(made)


async def test_a_file_is_sent_piece_by_piece_and_its_progress_told(
    mayfly: Any, fake: FakeMayfly, tmp_path: Path
) -> None:
    path, told = tmp_path / "take.wav", []
    path.write_bytes(SOUND * 20)

    with pytest.raises(InvalidRequestError) as caught:
        await mayfly.call("process_audio", path, end=0, progress=lambda done, total: told.append((done, total)))

    assert caught.value.violations[0].field == "config.end_offset"
    assert told[-1] == (path.stat().st_size, path.stat().st_size)
    assert len(told) > 1


async def test_a_stored_audio_is_processed_by_its_name(mayfly: Any) -> None:
    spoken = await mayfly.call("speak", "Hello there.")

    made = await mayfly.call("process_audio", spoken.name, start=timedelta(milliseconds=100), end=0.5, format="wav")

    assert made.duration == timedelta(milliseconds=400)
    assert made.source_duration is None
    assert (await mayfly.call("get", made.name)).labels["source"] == spoken.name


async def test_the_same_request_twice_is_one_audio(mayfly: Any) -> None:
    request_id = "0b1f2c3d-0000-4000-8000-000000000000"

    first, second = [await mayfly.call("process_audio", SOUND, request_id=request_id) for _ in range(2)]

    assert first.name == second.name


async def test_what_is_said_is_told_where_the_server_can(mayfly: Any) -> None:
    with pytest.raises(PreconditionError) as caught:
        await mayfly.call("process_audio", SOUND, transcribe=True)

    assert caught.value.reason == "TRANSCRIBER_MISSING"
    assert caught.value.remedy


def test_a_fake_has_the_transcript_that_it_was_given() -> None:
    with FakeMayfly(transcript="Hello.") as fake, fake.client() as client:
        assert client.process_audio(SOUND, transcribe=True).transcript == "Hello."
        assert client.process_audio(SOUND).transcript == ""


@pytest.mark.parametrize(
    ("source", "options", "reason", "field"),
    [
        (b"neither fish nor fowl", {}, "AUDIO_UNREADABLE", "chunk"),
        (wav(silence(1)), {"trim_silence": True}, "AUDIO_SILENT", "config"),
        (SOUND, {"start": 9}, "AUDIO_SILENT", "config"),
        (SOUND, {"start": 2, "end": 1}, "INVALID_REQUEST", "config.end_offset"),
    ],
)
async def test_what_cannot_be_processed_is_refused_with_its_reason(
    mayfly: Any, source: bytes, options: dict[str, Any], reason: str, field: str
) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        await mayfly.call("process_audio", source, **options)

    assert caught.value.reason == reason
    assert [each.field for each in caught.value.violations] == [field]


async def test_a_name_of_nothing_is_not_found(mayfly: Any) -> None:
    with pytest.raises(AudioNotFoundError):
        await mayfly.call("process_audio", "audio/2025-12-08/nothing")


@pytest.mark.parametrize(
    ("source", "options", "told"),
    [
        ("take.wav", {}, "pathlib.Path"),
        (SOUND, {"preset": "hifi"}, "speech-to-text, transcoded"),
        (SOUND, {"format": "midi"}, "wav, mp3"),
    ],
)
async def test_what_cannot_be_expressed_is_refused_before_anything_is_sent(
    mayfly: Any, fake: FakeMayfly, source: Any, options: dict[str, Any], told: str
) -> None:
    with pytest.raises(ValueError, match=told):
        await mayfly.call("process_audio", source, **options)

    assert not fake.calls


async def test_a_file_that_is_not_there_is_the_callers_to_see(mayfly: Any, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await mayfly.call("process_audio", tmp_path / "missing.wav")


async def test_a_busy_server_says_when_to_come_again(mayfly: Any, fake: FakeMayfly) -> None:
    code, later = grpc.StatusCode.RESOURCE_EXHAUSTED, timedelta(seconds=2)
    fake.refuse("ProcessAudio", code, "SERVER_BUSY", retry_after=later)

    with pytest.raises(ServerBusyError) as caught:
        await mayfly.call("process_audio", SOUND)

    assert caught.value.retry_after == later


def test_work_is_counted_for_its_subject() -> None:
    with FakeMayfly(requests_per_minute=1) as fake, fake.client() as client:
        client.process_audio(SOUND, user_id="u1")
        with pytest.raises(QuotaExceededError):
            client.process_audio(SOUND, user_id="u1")

"""From a sentence to a link that plays, to proof that it is gone: real processes, the real client, both backends."""

from __future__ import annotations

import hashlib
import io
import wave
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from mayfly_client import (
    AsyncClient,
    AudioChunk,
    AudioFailure,
    AudioNotFoundError,
    Segment,
    SpeechHeader,
    SpeechTrailer,
    StoredAudio,
    SweepState,
)
from tests.waiting import PATIENCE, sweep, until

if TYPE_CHECKING:
    from tests.conftest import Stack

REFUSED = {403, 404, 410}
"""What a link that has ended answers: storage's own 410 or 404; S3's 404, or 403 if it hides what is not there."""
TEXT = "The quick brown fox jumps over the lazy dog. It is gone tomorrow."


async def fetch(url: str, **headers: str) -> httpx.Response:
    async with httpx.AsyncClient(timeout=PATIENCE) as http:
        return await http.get(url, headers=headers)


def stored(audio: StoredAudio | None) -> StoredAudio:
    assert audio is not None
    return audio


async def test_a_sentence_becomes_a_link_that_plays(client: AsyncClient) -> None:
    audio = stored((await client.speak(TEXT)).stored)

    response = await fetch(audio.url)

    assert response.status_code == 200
    assert response.headers["content-type"] == "audio/wav"
    assert hashlib.sha256(response.content).digest() == audio.sha256
    with wave.open(io.BytesIO(response.content)) as wav:
        heard = wav.getnframes() / wav.getframerate()
        loudest = max(abs(sample) for sample in memoryview(wav.readframes(wav.getnframes())).cast("h"))
    assert 2 < heard < 10
    assert abs(heard - audio.duration.total_seconds()) < 0.01
    assert 1_000 < loudest < 32_768


async def test_what_is_stored_has_a_day_to_live_and_its_link_no_longer(client: AsyncClient) -> None:
    audio = stored((await client.speak("A day.")).stored)

    assert audio.expire_time is not None
    assert audio.url_expire_time is not None
    assert audio.expire_time - audio.create_time == timedelta(hours=24)
    assert audio.url_expire_time <= audio.expire_time
    day = datetime.now(UTC).date().isoformat()
    assert audio.object_key.startswith(("temp-audio/" + day, "temp-audio/" + audio.create_time.date().isoformat()))


async def test_segments_tell_what_is_heard_when(client: AsyncClient) -> None:
    speech = await client.speak(TEXT)

    first, second = speech.segments
    assert first.graphemes == "The quick brown fox jumps over the lazy dog."
    assert second.graphemes == "It is gone tomorrow."
    assert first.phonemes
    assert timedelta() == first.start < first.end <= second.start < second.end <= stored(speech.stored).duration


async def test_mp3_is_mp3(client: AsyncClient) -> None:
    audio = stored((await client.speak("In another format.", format="mp3")).stored)

    response = await fetch(audio.url)

    assert audio.object_key.endswith(".mp3")
    assert response.headers["content-type"] == "audio/mpeg"
    assert response.content[:3] == b"ID3" or response.content[0] == 0xFF


async def test_a_stream_is_heard_sentence_by_sentence_and_then_kept(client: AsyncClient) -> None:
    items = [item async for item in client.stream_speech(TEXT)]

    assert isinstance(items[0], SpeechHeader)
    assert isinstance(items[-1], SpeechTrailer)
    kinds = [type(item) for item in items]
    assert kinds.index(Segment) < len(kinds) - 1 - kinds[::-1].index(AudioChunk), (
        "all audio came before the first segment"
    )
    pcm = b"".join(item.data for item in items if isinstance(item, AudioChunk))[44:]
    kept = (await fetch(stored(items[-1].stored).url)).content
    assert kept.endswith(pcm)


async def test_the_same_request_twice_is_one_audio(client: AsyncClient) -> None:
    request_id = "6b0d7dd2-5a5c-4c7e-9b5d-3f0a4a7d1c11"

    first, second = [await client.speak("Only once.", request_id=request_id) for _ in range(2)]

    assert stored(first.stored).name == stored(second.stored).name


async def test_what_was_stored_is_found_and_deleted_by_name(client: AsyncClient) -> None:
    audio = stored((await client.speak("Find me.")).stored)

    assert (await client.get(audio.name)).object_key == audio.object_key
    assert audio.name in [each.name async for each in client.list(collection="temp-audio")]

    assert await client.delete(audio.name) is True
    assert await client.delete(audio.name) is False

    with pytest.raises(AudioNotFoundError):
        await client.get(audio.name)
    assert isinstance((await client.sign([audio.name]))[0], AudioFailure)
    assert (await fetch(audio.url)).status_code in REFUSED


async def test_expired_audio_is_unreadable_before_any_sweep_and_gone_after_one(
    client: AsyncClient, stack: Stack
) -> None:
    kept = stored((await client.speak("I stay.")).stored)
    short = stored((await client.speak("I go.", ttl=60)).stored)
    assert (await fetch(short.url)).status_code == 200
    await client.retain(short.name, ttl=1)

    async def is_expired() -> bool:
        names = [each.name async for each in client.list(collection="temp-audio")]
        return short.name not in names

    await until(is_expired)
    with pytest.raises(AudioNotFoundError):
        await client.get(short.name)
    looked = await sweep(client, dry_run=True)
    report = await sweep(client)

    assert looked.state is report.state is SweepState.CLEAN
    assert sum(line.deleted for line in looked.report.lines) >= 1
    assert sum(line.deleted for line in report.report.lines) >= 1
    assert report.report.still_there == 0
    assert report.report.listings_complete
    assert (await fetch(short.url)).status_code in REFUSED
    assert (await fetch(kept.url)).status_code == 200
    assert not list(stack.layout.data.rglob(Path(short.object_key).name))


async def test_a_recording_is_saved_through_a_grant_and_kept_until_deleted(client: AsyncClient, tmp_path: Path) -> None:
    path = tmp_path / "recording.m4a"
    path.write_bytes(b"\0" * 100_000)

    audio = await client.save(
        path, collection="recordings", content_type="audio/m4a", user_id="u1", key_fields={"recording_id": "r1"}
    )

    assert audio.object_key == "users/u1/recordings/r1/audio.m4a"
    assert audio.expire_time is None
    assert (await fetch((await client.url(audio.name)).url)).content == path.read_bytes()
    assert await client.delete(audio.name)


async def test_a_caller_without_http_uploads_in_one_call(client: AsyncClient) -> None:
    audio = await client.upload_stream(
        b"RIFF" + bytes(200_000), collection="temp-audio", content_type="audio/wav", user_id="u1"
    )

    assert audio.size_bytes == 200_004
    assert await client.download(audio.name) == b"RIFF" + bytes(200_000)


async def test_links_can_be_read_in_parts(client: AsyncClient) -> None:
    audio = stored((await client.speak("In parts.")).stored)
    whole = (await fetch(audio.url)).content

    part = await fetch(audio.url, Range="bytes=4-11")

    assert part.status_code == 206
    assert part.content == whole[4:12]
    assert part.headers["content-range"] == f"bytes 4-11/{len(whole)}"

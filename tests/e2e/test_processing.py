"""A recording in, clean audio out: real processes, the real client, both backends."""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
from typing import TYPE_CHECKING
from uuid import uuid4

import grpc
import httpx
import pytest
from mayfly.synth.v1 import synth_service_pb2 as pb
from mayfly.synth.v1.synth_service_pb2_grpc import SynthServiceStub

from mayfly_client import AudioNotFoundError, InvalidRequestError
from mayfly_synth.testing_processing import SOUND, children_of, config, runs, silence, tone, wav
from tests.conftest import running
from tests.waiting import PATIENCE, opened_by, until
from tools.stack.programs import Backend

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from mayfly_client import AsyncClient
    from tests.conftest import Stack


async def fetch(url: str) -> httpx.Response:
    async with httpx.AsyncClient(timeout=PATIENCE) as http:
        return await http.get(url)


async def test_a_recording_becomes_a_trimmed_mp3_at_its_final_key(client: AsyncClient) -> None:
    pitch = f"p-{uuid4()}"

    made = await client.process_audio(
        SOUND,
        preset="speech-to-text",
        collection="pitches",
        key_fields={"pitch_id": pitch, "filename": "transcoded_file.mp3"},
        user_id="u1",
    )

    played = await fetch(made.url)
    audio = await client.get(made.name)
    assert made.direct_upload
    assert made.object_key == f"pitches/{pitch}/processed/transcoded_file.mp3"
    assert made.duration.total_seconds() == pytest.approx(2.2, abs=0.1)
    assert played.status_code == 200
    assert played.headers["content-type"] == "audio/mpeg"
    assert hashlib.sha256(played.content).digest() == audio.sha256
    assert audio.labels["source_sha256"] == hashlib.sha256(SOUND).hexdigest()
    assert audio.expire_time is None


async def test_a_stored_audio_is_processed_by_its_name(client: AsyncClient) -> None:
    speech = await client.speak("This was spoken before.", format="flac")

    made = await client.process_audio(speech.name, format="opus", loudness_lufs=-20.0, ttl=600)

    played = await fetch(made.url)
    assert made.source_container == "flac"
    assert made.loudness_lufs == pytest.approx(-20, abs=0.5)
    assert (played.status_code, played.content[:4]) == (200, b"OggS")
    assert b"AI-generated speech by Mayfly" in played.content, "what was generated says so for ever"


async def test_a_retry_gets_the_audio_that_is_there(client: AsyncClient) -> None:
    request_id = str(uuid4())

    first, second = [await client.process_audio(SOUND, request_id=request_id, trim_silence=True) for _ in range(2)]

    assert first.name == second.name


async def test_what_is_no_audio_leaves_nothing(client: AsyncClient) -> None:
    pitch = f"p-{uuid4()}"

    with pytest.raises(InvalidRequestError) as caught:
        await client.process_audio(
            b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n",
            collection="pitches",
            key_fields={"pitch_id": pitch, "filename": "a.mp3"},
        )

    assert caught.value.reason == "AUDIO_UNREADABLE"
    assert [audio async for audio in client.list(collection="pitches", object_key_prefix=f"pitches/{pitch}")] == []


async def test_what_has_ended_is_not_processed(client: AsyncClient) -> None:
    spoken = await client.speak("Gone in a moment.")
    await client.delete(spoken.name)

    with pytest.raises(AudioNotFoundError):
        await client.process_audio(spoken.name)


@pytest.fixture
def own_stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    """A set that a test may break, with temporary files of its own, and copies of what fails."""
    (tmp_path / "scratch").mkdir()
    monkeypatch.setenv("MAYFLY_SYNTH_SCRATCH_DIR", str(tmp_path / "scratch"))
    monkeypatch.setenv("MAYFLY_SYNTH_SCRATCH_FALLBACK_DIR", str(tmp_path / "scratch"))
    monkeypatch.setenv("MAYFLY_SYNTH_DEBUG_COPIES", "errors")
    with running(tmp_path, Backend.EMBEDDED) as stack:
        yield stack


async def test_a_synth_that_is_killed_in_the_middle_leaves_nothing(own_stack: Stack, tmp_path: Path) -> None:
    scratch, synth = tmp_path / "scratch", own_stack.pids["synth"]
    recording = wav(silence(1) + tone(30))

    async def halfway() -> AsyncIterator[pb.ProcessAudioRequest]:
        yield config(trim_silence=True, loudness_lufs=-20.0)
        for start in range(0, len(recording), 65_536):
            yield pb.ProcessAudioRequest(chunk=recording[start : start + 65_536])
        await asyncio.Event().wait()

    async def is_halfway() -> bool:
        return bool(opened_by(synth, scratch)) and bool(children_of(synth))

    async with grpc.aio.insecure_channel(own_stack.address("synth")) as channel:
        call = SynthServiceStub(channel).ProcessAudio(halfway(), timeout=PATIENCE)
        await until(is_halfway)
        programs = children_of(synth)

        async def have_ended() -> bool:
            return not any(runs(pid) for pid in programs)

        os.kill(synth, signal.SIGKILL)
        assert await call.code() is not grpc.StatusCode.OK
        await until(have_ended)

    assert [path for path in scratch.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("broken", [SOUND[:44], b"neither fish nor fowl"], ids=["no sound", "no audio"])
async def test_an_error_names_the_copy_of_what_failed(own_stack: Stack, broken: bytes) -> None:
    async with own_stack.client() as client:
        with pytest.raises(InvalidRequestError) as caught:
            await client.process_audio(broken, user_id="ada.lovelace")
        name = caught.value.metadata["debug_input"]
        copy = await client.get(name)
        kept = await client.download(name)

    assert kept == broken
    assert "/error-input-" in copy.object_key
    assert f"-{caught.value.reason.title().replace('_', '')}-" in copy.object_key
    assert copy.labels["subject"]
    assert "lovelace" not in str(copy) + own_stack.logs()

"""`mayfly-storage import` as an operator runs it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from mayfly.storage.v1 import storage_service_pb2 as pb

from mayfly_storage.testing.process import FREE, storage_process

if TYPE_CHECKING:
    from pathlib import Path

WAV = b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data\0\0\0\0"


@dataclass(frozen=True, slots=True)
class Ended:
    code: int
    out: str
    err: str


async def run(folder: Path, *arguments: str, **changes: str) -> Ended:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("MAYFLY_", "AWS_", "S3_"))}  # noqa: TID251 - a child inherits it
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "mayfly_storage",
        *arguments,
        env=clean | FREE | {"MAYFLY_STORAGE_DATA_DIR": str(folder / "data")} | changes,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), timeout=60)
    assert process.returncode is not None
    return Ended(process.returncode, out.decode(), err.decode())


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """What system A left in /app/output."""
    folder = tmp_path / "output"
    folder.mkdir()
    for number in range(3):
        (folder / f"tts_{number}.wav").write_bytes(WAV + bytes([number, 0]))
    return folder


async def test_a_folder_is_looked_at_imported_and_imported_no_second_time(tmp_path: Path, old: Path) -> None:
    arguments = ("import", str(old), "--collection", "temp-audio", "--pattern", "tts_*.{ext}")
    looked = await run(tmp_path, *arguments, "--dry-run")
    done = await run(tmp_path, *arguments)
    again = await run(tmp_path, *arguments, "--json")

    assert (looked.code, done.code, again.code) == (0, 0, 0)
    assert looked.out.startswith("3 would import; 0.0 MB; nothing was changed")
    assert "tts_0.wav: as temp-audio/" in looked.err
    assert done.out.startswith("3 imported; 0.0 MB; report: ")
    facts = json.loads(again.out)
    assert (facts["already"], facts["imported"], facts["failed"]) == (3, 0, 0)
    assert len(list((tmp_path / "data" / "objects").rglob("*.wav"))) == 3
    assert {path.name for path in old.iterdir()} == {"tts_0.wav", "tts_1.wav", "tts_2.wav"}  # noqa: ASYNC240 - a few names


async def test_what_failed_is_told_by_the_exit_code_and_a_line(tmp_path: Path, old: Path) -> None:
    (old / "tts_page.wav").write_bytes(b"<html>")
    ended = await run(tmp_path, "import", str(old), "--collection", "temp-audio")
    assert ended.code == 1
    assert ended.out.startswith("3 imported, 1 failed")
    assert "tts_page.wav: it holds no audio that is known" in ended.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("import", "/nowhere/at/all", "--collection", "temp-audio"), "/nowhere/at/all is no folder"),
        (("import", ".", "--collection", "speech"), "There is no collection 'speech'"),
        (("import", ".", "--collection", "temp-audio", "--pattern", "{"), "cannot be read at character 1"),
    ],
)
async def test_what_cannot_run_says_why(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    ended = await run(tmp_path, *arguments)
    assert ended.code == 2
    assert said in ended.err


async def test_beside_a_running_embedded_storage_it_says_that_it_has_to_be_stopped(tmp_path: Path, old: Path) -> None:
    async with storage_process(tmp_path / "data", {}) as (process, _):
        ended = await run(tmp_path, "import", str(old), "--collection", "temp-audio")
    assert ended.code == 2
    assert f"another process (pid {process.pid}) uses it. Stop that process" in ended.err


async def test_recordings_are_brought_to_s3_while_storage_serves(tmp_path: Path, aws_url: str) -> None:
    name = f"imported-{uuid4().hex}"
    settings = {
        "MAYFLY_STORAGE_BACKEND": "aws",
        "MAYFLY_STORAGE_BUCKET": name,
        "MAYFLY_STORAGE_TABLE": name,
        "MAYFLY_STORAGE_REGION": "eu-central-1",
        "MAYFLY_STORAGE_ENDPOINT_URL": aws_url,
        "MAYFLY_STORAGE_ADDRESSING_STYLE": "path",
        "MAYFLY_STORAGE_PRIVACY_SECRET": "a secret of the tests, and long enough",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }
    folder = tmp_path / "recordings"
    (folder / "u1").mkdir(parents=True)
    (folder / "u1" / "r1.wav").write_bytes(WAV)
    assert (await run(tmp_path, "provision", **settings)).code == 0
    async with storage_process(tmp_path / "serving", settings) as (_, callers):
        pattern = "{user_id}/{recording_id}.{ext}"
        ended = await run(
            tmp_path, "import", str(folder), "--collection", "recordings", "--pattern", pattern, **settings
        )
        assert (ended.code, ended.out[:10]) == (0, "1 imported")
        report = next((tmp_path / "data" / "imports").iterdir())
        audio = (await callers.storage.GetAudio(pb.GetAudioRequest(name=json.loads(report.read_text())["name"]))).audio
    assert audio.object_key == "users/u1/recordings/r1/audio.wav"
    assert audio.user_id == "u1"

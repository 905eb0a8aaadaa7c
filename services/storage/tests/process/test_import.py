"""`mayfly-storage import` as an operator runs it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from mayfly.storage.v1 import storage_service_pb2 as pb

from mayfly_storage.domain.failpoints import Failpoint
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
    return await end_of(await start(folder, *arguments, **changes))


async def end_of(process: asyncio.subprocess.Process) -> Ended:
    out, err = await asyncio.wait_for(process.communicate(), timeout=60)
    assert process.returncode is not None
    return Ended(process.returncode, out.decode(), err.decode())


async def start(folder: Path, *arguments: str, **changes: str) -> asyncio.subprocess.Process:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("MAYFLY_", "AWS_", "S3_"))}  # noqa: TID251 - a child inherits it
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "mayfly_storage",
        *arguments,
        env=clean | FREE | {"MAYFLY_STORAGE_DATA_DIR": str(folder / "data")} | changes,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


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
        (("import", "."), "either --layout, or --collection"),
        (("import", ".", "--collection", "temp-audio", "--layout", "system-a"), "either --layout, or --collection"),
        (("import", ".", "--layout", "system-z"), "system-a, system-b"),
        (("import", ".", "--collection", "debug", "--field", "kind"), "Write name=value"),
    ],
)
async def test_what_cannot_run_says_why(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    ended = await run(tmp_path, *arguments)
    assert ended.code == 2
    assert said in ended.err


async def test_the_paths_of_an_older_system_are_known_by_its_name(tmp_path: Path) -> None:
    folder = tmp_path / "bucket"
    for session in ("users/u1/1_u1", "anonymous/2_anonymous"):
        (folder / "audio" / session).mkdir(parents=True)
        (folder / "audio" / session / "segment_000.wav").write_bytes(WAV + session.encode())
    ended = await run(tmp_path, "import", str(folder), "--layout", "system-b")
    assert (ended.code, ended.out[:10]) == (0, "2 imported")
    objects = tmp_path / "data" / "objects"
    assert (objects / "audio/users/u1/1_u1/segment_000.wav").exists()
    assert (objects / "audio/anonymous/2_anonymous/segment_000.wav").exists()


async def test_what_storage_keeps_itself_is_not_imported_into_it(tmp_path: Path, old: Path) -> None:
    await run(tmp_path, "import", str(old), "--collection", "temp-audio")
    ended = await run(tmp_path, "import", str(tmp_path / "data" / "objects"), "--collection", "temp-audio")
    assert (ended.code, ended.out) == (2, "")
    assert "lies in storage's own data folder" in ended.err
    around = await run(tmp_path, "import", str(tmp_path), "--collection", "temp-audio", "--pattern", "output/tts_*.wav")
    assert (around.code, around.out[:10]) == (0, "3 imported")
    assert "data: it is storage's own" in around.err


async def test_names_of_files_do_nothing_to_a_terminal(tmp_path: Path, old: Path) -> None:
    (old / "\x1b[2Jtts.wav").write_bytes(b"<html>")
    ended = await run(tmp_path, "import", str(old), "--collection", "temp-audio")
    assert "\\x1b[2Jtts.wav: it holds no audio" in ended.err
    assert "\x1b" not in ended.err + ended.out


@pytest.mark.parametrize("point", [Failpoint.AFTER_W1, Failpoint.AFTER_W2, Failpoint.AFTER_W3])
async def test_an_import_that_is_killed_is_gone_on_with(tmp_path: Path, old: Path, point: Failpoint) -> None:
    arguments = ("import", str(old), "--collection", "temp-audio", "--json")
    killed = await run(tmp_path, *arguments, MAYFLY_STORAGE_FAILPOINT=point)
    assert killed.code == -signal.SIGKILL
    ended = await run(tmp_path, *arguments)
    facts = json.loads(ended.out)
    assert (ended.code, facts["imported"] + facts["already"]) == (0, 3)
    data = tmp_path / "data"
    assert {path.read_bytes() for path in (data / "objects").rglob("*.wav")} == {
        path.read_bytes()
        for path in old.iterdir()  # noqa: ASYNC240 - a few names
    }
    assert len(list((data / "objects").rglob("*.wav"))) == 3
    assert list((data / "import").iterdir()) == []


@pytest.mark.parametrize("told", [signal.SIGINT, signal.SIGTERM])
async def test_an_import_that_is_told_to_stop_ends_in_order(tmp_path: Path, old: Path, told: signal.Signals) -> None:
    for number in range(3, 500):
        (old / f"tts_{number}.wav").write_bytes(WAV + number.to_bytes(2, "little"))
    (old / "a.wav").write_bytes(b"<html>")
    arguments = ("import", str(old), "--collection", "temp-audio", "--workers", "1")
    process = await start(tmp_path, *arguments)
    assert process.stderr is not None
    await process.stderr.readline()  # a.wav is the first file, and has failed
    process.send_signal(told)
    stopped = await end_of(process)
    assert stopped.code == 2
    assert stopped.err == "mayfly-storage could not import: It was told to stop; run it again to go on.\n"
    assert list((tmp_path / "data" / "import").iterdir()) == []
    begun = len(list((tmp_path / "data" / "objects").rglob("*.wav")))
    facts = json.loads((await run(tmp_path, *arguments, "--json")).out)
    assert facts["already"] + facts["imported"] == 500
    assert 0 <= begun - facts["already"] <= 1  # what was given back may land all the same, and is the sweep's
    assert begun < 500


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
        [_, imported] = [json.loads(line) for line in report.read_text().splitlines()]
        audio = (await callers.storage.GetAudio(pb.GetAudioRequest(name=imported["name"]))).audio
    assert audio.object_key == "users/u1/recordings/r1/audio.wav"
    assert audio.user_id == "u1"

"""What the documents show is run."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
import pytest

if TYPE_CHECKING:
    from mayfly_client.testing import FakeMayfly

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


@pytest.fixture
def here(fake: FakeMayfly, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, in an environment that leads to the fake."""
    for name, value in fake.environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run_example(name: str, *arguments: str, monkeypatch: pytest.MonkeyPatch) -> int | str | None:
    monkeypatch.setattr(sys, "argv", [name, *arguments])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(ROOT / "examples" / name), run_name="__main__")
    return ended.value.code


def test_the_quick_start_runs_and_is_short(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    quick_start = re.findall(r"```python\n(.*?)```", README, re.DOTALL)[0]

    exec(quick_start, {})  # noqa: S102 - our own text

    assert 10 <= len(quick_start.splitlines()) <= 20
    assert (here / "hello.wav").read_bytes()[:4] == b"RIFF"
    assert "AUDIO_NOT_FOUND" in capsys.readouterr().out


def test_the_testing_section_runs(capsys: pytest.CaptureFixture[str]) -> None:
    section = re.findall(r"```python\n(.*?)```", README, re.DOTALL)[1]

    exec(section, {})  # noqa: S102 - our own text

    assert capsys.readouterr().out == "expired\n"


def test_the_readme_names_every_method_and_verb() -> None:
    from mayfly_client import Client  # noqa: PLC0415 - for its names only

    methods = [name for name in vars(Client) | {k: 1 for base in Client.__mro__ for k in vars(base)} if name[0] != "_"]
    shown = set(re.findall(r"\b(\w+)\(", README)) | {"close", "http", "settings", "from_settings"}

    assert sorted(set(methods) - shown) == []


def test_speak_to_file(here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_example("speak_to_file.py", "Hello.", "hello.wav", monkeypatch=monkeypatch) == 0
    assert (here / "hello.wav").read_bytes()[:4] == b"RIFF"
    assert "kept as audio/" in capsys.readouterr().out


def test_fetch_by_id(
    here: Path,
    fake: FakeMayfly,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with fake.client() as client:
        name = client.speak("Hello.").name

    assert run_example("fetch_by_id.py", name, ".", monkeypatch=monkeypatch) == 0
    assert len(list(here.glob("*.wav"))) == 1
    fake.clock.advance(timedelta(hours=24))
    assert run_example("fetch_by_id.py", name, ".", monkeypatch=monkeypatch) == 1
    assert "is gone, or never was" in capsys.readouterr().err


def test_sign_many(
    here: Path,
    fake: FakeMayfly,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with fake.client() as client:
        client.speak("One.")
        client.speak("Two.")

    assert run_example("sign_many.py", "temp-audio", monkeypatch=monkeypatch) == 0
    assert capsys.readouterr().out.count("limited by REQUEST") == 2


def test_tts_s3_example(
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run_example("tts_s3_example.py", "Hello. Goodbye.", "ada", monkeypatch=monkeypatch) == 0

    told = capsys.readouterr().out
    assert re.findall(r"^audio/users/ada/\d+_ada/segment_\d{3}\.wav until .*: (.*)$", told, re.MULTILINE) == [
        "Hello.",
        "Goodbye.",
    ]
    assert told.count("  http") == 2


def test_process_to_final_key(
    here: Path,
    fake: FakeMayfly,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with fake.client() as client:
        client.download(client.speak("Hello.").name, here / "take.wav")

    assert run_example("process_to_final_key.py", "take.wav", "p1", monkeypatch=monkeypatch) == 0
    assert capsys.readouterr().out.startswith("pitches/p1/processed/transcoded_file.mp3: ")
    assert [call.method for call in fake.calls].count("CreateUpload") == 0, "no second upload"


def test_process_to_final_key_without_synth_keeps_the_original(
    here: Path,
    fake: FakeMayfly,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (here / "take.wav").write_bytes(b"RIFF")
    fake.refuse("ProcessAudio", grpc.StatusCode.UNAVAILABLE, "STORAGE_UNAVAILABLE", times=9)

    assert run_example("process_to_final_key.py", "take.wav", "p2", monkeypatch=monkeypatch) == 0
    name = capsys.readouterr().out.split()[0]
    with fake.client() as client:
        assert client.get(name).object_key == "pitches/p2/original_file.wav"


def test_examples_are_typed_strictly() -> None:
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", *map(str, EXAMPLES)]

    done = subprocess.run(command, cwd=ROOT.parents[2], capture_output=True, text=True, check=False, timeout=280)

    assert (done.stdout, done.returncode) == ("", 0)
    assert [path.name for path in EXAMPLES] == [
        "fetch_by_id.py",
        "process_to_final_key.py",
        "sign_many.py",
        "speak_to_file.py",
        "tts_s3_example.py",
    ]

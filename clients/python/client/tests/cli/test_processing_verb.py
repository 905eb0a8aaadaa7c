from __future__ import annotations

import io
import json
import math
import struct
import wave
from typing import TYPE_CHECKING, Any

import pytest

from mayfly_client.testing import FakeMayfly

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PROCESSED = """\
name: audio/DAY/ID
key: temp-audio/DAY/ID.mp3
source: 32.0 kB (wav)
duration: 1.0 s of 2.0 s
size: 4.0 kB (audio/mpeg)
expire_time: MOMENT (in 24 h)
took: SECONDS
url: LINK
"""


@pytest.fixture
def take(tmp_path: Path) -> Path:
    """A second of silence, a second of sound."""
    file, tone = io.BytesIO(), (round(9_000 * math.cos(i / 3)) for i in range(8_000))
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(8_000)
        writer.writeframes(bytes(16_000) + b"".join(struct.pack("<h", sample) for sample in tone))
    path = tmp_path / "take.wav"
    path.write_bytes(file.getvalue())
    return path


def test_process_prints_what_was_made(run: Any, steady: Callable[[str], str], take: Path) -> None:
    done = run("process", str(take), "--trim")

    assert (steady(done.stdout), done.stderr, done.exit_code) == (PROCESSED, "", 0)


def test_process_takes_its_options_and_saves_the_result(run: Any, fake: FakeMayfly, take: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.wav"
    given = ["-p", "speech-to-text", "--no-trim", "--start", "1s", "--end", "1.5", "--rate", "16000", "--loudness=-16"]
    where = ["-c", "pitches", "--key", "pitch_id=p1", "--key", "filename=out.wav", "--label", "a=b", "--user", "u1"]

    done = run("process", str(take), "-o", str(target), *given, *where, "--json")

    told = json.loads(done.stdout)
    with fake.client() as client:
        audio = client.get(told["name"])
    assert (told["object_key"], told["saved_to"]) == ("pitches/p1/processed/out.wav", str(target))
    assert (told["direct_upload"], told["duration_seconds"], told["source_container"]) == (True, 0.5, "wav")
    assert (audio.user_id, audio.labels["a"], audio.labels["source"]) == ("u1", "b", "upload")
    assert target.read_bytes()[:4] == b"RIFF"


def test_process_takes_a_name_and_draws_peaks(run: Any, fake: FakeMayfly, tmp_path: Path) -> None:
    with fake.client() as client:
        name = client.speak("Hello.").name

    done = run("process", name, "-q", "--format", "wav", "--peaks", str(tmp_path / "peaks.json"))

    assert done.stdout.startswith("audio/")
    assert json.loads((tmp_path / "peaks.json").read_text())["version"] == 2


def test_say_draws_peaks(run: Any, tmp_path: Path) -> None:
    assert run("say", "Hello.", "--peaks", str(tmp_path / "peaks.json")).exit_code == 0
    assert json.loads((tmp_path / "peaks.json").read_text())["length"] > 10


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("process", "missing.wav"), "no file that is there"),
        (("process", "audio/2025-12-08/a", "--peaks", "p.json"), "add --format wav"),
        (("process", "audio/2025-12-08/a", "-o", "a.doc"), "stands for no format"),
        (("process", "audio/2025-12-08/a", "--start", "soon"), "is no duration"),
        (("say", "Hello.", "--peaks", "p.json", "-f", "mp3"), "add --format wav"),
        (("say", "Hello.", "--peaks", "p.json", "--file-per-sentence"), "draws one file"),
    ],
)
def test_a_slip_is_told_before_anything_is_done(run: Any, fake: FakeMayfly, arguments: Any, told: str) -> None:
    done = run(*arguments)

    assert done.exit_code == 2
    assert told in " ".join(done.stderr.replace("│", " ").split())
    assert not fake.calls


def test_a_transcript_is_printed(run: Any, take: Path) -> None:
    with FakeMayfly(transcript="Good morning.") as fake:
        done = run("process", str(take), "--transcribe", **fake.environ)

    assert "transcript: Good morning.\n" in done.stdout

"""What `mayfly say` prints and writes when its output is no terminal."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mayfly_client.testing import FakeMayfly

SPOKEN = """\
name: audio/DAY/ID
voice: en_US-fake-low
duration: 0.56 s
size: 24.7 kB (audio/wav)
expire_time: MOMENT (in 24 h)
took: SECONDS
url: LINK
"""


def test_say_prints_what_was_kept(run: Any, steady: Callable[[str], str]) -> None:
    done = run("say", "Hello.")

    assert (steady(done.stdout), done.stderr, done.exit_code) == (SPOKEN, "", 0)


def test_say_reads_standard_input(run: Any, fake: FakeMayfly) -> None:
    assert run("say", "-", text="Hello.\n").exit_code == 0
    assert fake.calls[0].request.text == "Hello."  # type: ignore[union-attr] # a SynthesizeRequest


def test_say_passes_its_options_on(run: Any, fake: FakeMayfly) -> None:
    options = "-v de_DE-fake-low --speaker otto --speed 2 -c speech-sessions --key session_id=s1 --key index=2"

    done = run(
        "say",
        "Hallo.",
        *options.split(),
        *["--user", "u1", "--ttl", "2h", "--url-ttl", "5m", "--label", "a=b", "-f", "mp3"],
    )

    request: Any = fake.calls[0].request
    assert done.exit_code == 0
    assert (request.options.voice, request.options.speaker, request.options.speed) == ("de_DE-fake-low", "otto", 2)
    assert dict(request.destination.key_fields) == {"session_id": "s1", "index": "2"}
    assert (request.destination.user_id, request.destination.collection) == ("u1", "speech-sessions")
    assert (request.destination.ttl.seconds, request.destination.url_ttl.seconds) == (7_200, 300)
    assert dict(request.destination.labels) == {"a": "b"}


@pytest.mark.parametrize(("file", "magic"), [("hello.wav", b"RIFF"), ("hello.mp3", b"\xff\xfb")])
def test_say_writes_a_file_in_the_format_of_its_suffix(run: Any, tmp_path: Path, file: str, magic: bytes) -> None:
    done = run("say", "Hello.", "-o", str(tmp_path / file))

    assert f"saved to: {tmp_path / file}\n" in done.stdout
    assert (tmp_path / file).read_bytes().startswith(magic)


def test_say_to_standard_output_is_audio_and_nothing_else(run: Any, steady: Callable[[str], str]) -> None:
    done = run("say", "Hello.", "-o", "-")

    assert done.stdout_bytes.startswith(b"RIFF")
    assert len(done.stdout_bytes) == 24_740
    assert steady(done.stderr) == SPOKEN


def test_say_quietly_prints_a_name_for_the_next_command(run: Any, steady: Callable[[str], str]) -> None:
    name = run("say", "-q", "Hello.").stdout.strip()

    assert steady(run("url", "-q", name).stdout) == "LINK\n"


def test_say_quietly_to_a_file_prints_nothing(run: Any, tmp_path: Path) -> None:
    assert run("say", "-q", "Hello.", "-o", str(tmp_path / "a.wav")).output == ""


@pytest.mark.parametrize(("file", "begins"), [("a.vtt", "WEBVTT"), ("a.srt", "1\n00:00:00,000 --> "), ("a.json", "{")])
def test_say_writes_captions(run: Any, tmp_path: Path, file: str, begins: str) -> None:
    done = run("say", "Hello there. And more.", "--captions", str(tmp_path / file))

    assert done.exit_code == 0
    shown = (tmp_path / file).read_text(encoding="utf-8")
    assert shown.startswith(begins)
    assert "And more." in shown


def test_say_refuses_captions_that_it_cannot_write_before_it_speaks(run: Any, fake: FakeMayfly) -> None:
    done = run("say", "Hello.", "--captions", "a.txt", "--json")

    assert done.exit_code == 2
    assert "captions are written as .srt, .vtt or .json" in done.stderr
    assert not fake.calls


def test_say_passes_on_how_to_speak(run: Any, fake: FakeMayfly) -> None:
    options = ["--volume", "0.5", "--pause", "1.5s", "--pronounce", "gif=[[x]]", "--ssml", "--lenient", "--repeatable"]

    assert run("say", "<speak>A gif.</speak>", *options, "--language", "en").exit_code == 0

    [call] = [call for call in fake.calls if call.method == "Synthesize"]
    asked = call.request.options
    assert (asked.volume, asked.sentence_silence.ToTimedelta()) == (0.5, timedelta(seconds=1.5))
    assert (asked.ssml, asked.lenient_ssml, asked.language_code) == (True, True, "en")
    assert (asked.HasField("noise_scale"), asked.noise_scale, asked.noise_w_scale) == (True, 0.0, 0.0)
    assert dict(asked.pronunciations) == {"gif": "[[x]]"}


def test_say_keeps_a_file_for_each_sentence(run: Any) -> None:
    names = run("say", "-q", "One. Two.", "--file-per-sentence").stdout.split()

    assert len(names) == 2
    assert run("get", names[0], "-o", "-").exit_code == 0
    assert "segment" not in run("say", "One. Two.", "--file-per-sentence").stderr
    assert run("say", "One. Two.", "--file-per-sentence", "-o", "a.wav").exit_code == 2


def test_say_as_json(run: Any) -> None:
    spoken = json.loads(run("say", "Hello.", "--json").stdout)

    assert spoken["name"].startswith("audio/")
    assert spoken["duration_seconds"] == 0.56
    assert spoken["segments"][0]["graphemes"] == "Hello."
    assert spoken["url"].startswith("http://127.0.0.1:")
    assert spoken["expire_time"].endswith("Z")
    assert {"voice", "took_seconds", "saved_to", "sha256"} <= spoken.keys()

"""What each verb but `say` prints when its output is no terminal."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from mayfly_client.cli.app import app

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mayfly_client.testing import FakeMayfly

SAVED = """\
name: audio/DAY/ID
collection: recordings
key: users/u1/recordings/r1/audio.wav
size: 4 B (audio/wav)
duration: 1.5 s
user: u1
expire_time: never: kept until deleted
"""

SWEPT = """\
sweep: sweeps/ID
state: clean
found: 1 item
deleted: 1 (24.7 kB)
verified gone: 1
certificate: 1
took: SECONDS
expired\t1\t1\t0\t0\t0\t24.7 kB
"""


VERBS = {each.name or each.callback.__name__ for each in app.registered_commands if each.callback}


@pytest.fixture
def name(fake: FakeMayfly) -> str:
    with fake.client() as client:
        return client.speak("Hello.").name


def test_save_prints_where_it_lies(run: Any, tmp_path: Path, steady: Callable[[str], str]) -> None:
    file = tmp_path / "clip.wav"
    file.write_bytes(b"RIFF")

    done = run("save", str(file), "-c", "recordings", "--user", "u1", "--key", "recording_id=r1", "--duration", "1.5")

    assert (steady(done.stdout), done.stderr, done.exit_code) == (SAVED, "", 0)


@pytest.mark.parametrize(
    ("ttl", "told"),
    [
        ("99d", "(in 24 h) (limited by the collection)"),
        ("900000000d", "(in 24 h) (limited by the collection)"),
        ("24h", "(in 24 h)"),
        ("1h", "(in 1 h)"),
    ],
)
@pytest.mark.parametrize("verb", ["say", "save"])
def test_a_life_that_the_collection_cuts_is_told(run: Any, tmp_path: Path, verb: str, ttl: str, told: str) -> None:
    file = tmp_path / "clip.wav"
    file.write_bytes(b"RIFF")

    shown = run(verb, str(file), "--ttl", ttl).stdout

    (line,) = [each for each in shown.splitlines() if each.startswith("expire_time: ")]
    assert line.endswith(f"UTC {told}")


def test_save_quietly_and_as_json(run: Any, tmp_path: Path, steady: Callable[[str], str]) -> None:
    file = tmp_path / "clip.wav"
    file.write_bytes(b"RIFF")

    assert steady(run("save", "-q", str(file)).stdout) == "audio/DAY/ID\n"
    assert json.loads(run("save", "--json", str(file)).stdout)["state"] == "READY"


def test_get_fetches_under_its_own_name_once(
    run: Any, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    first, second, forced = run("get", name), run("get", name), run("get", name, "--force")

    (file,) = tmp_path.iterdir()
    assert f"saved to: {file.name}\n" in first.stdout
    assert (first.exit_code, second.exit_code, forced.exit_code) == (0, 2, 0)
    assert "is there already" in " ".join(second.stderr.split())


def test_get_to_standard_output(run: Any, name: str) -> None:
    done = run("get", "-q", name, "-o", "-")

    assert done.stdout_bytes.startswith(b"RIFF")
    assert done.stderr == ""


def test_get_as_json(run: Any, name: str, tmp_path: Path) -> None:
    got = json.loads(run("get", name, "-o", str(tmp_path / "x.wav"), "--json").stdout)

    assert (got["name"], got["saved_to"]) == (name, str(tmp_path / "x.wav"))


def test_url_prints_a_link_with_its_end(run: Any, name: str, steady: Callable[[str], str]) -> None:
    done = run("url", name, "--ttl", "20m")

    assert steady(done.stdout) == "name: audio/DAY/ID\nuntil: MOMENT (in 20 min)\nlimited by: request\nurl: LINK\n"
    assert done.exit_code == 0


def test_url_as_json(run: Any, name: str) -> None:
    (link,) = json.loads(run("url", name, "--json").stdout)

    assert (link["name"], link["limited_by"]) == (name, "POLICY")


def test_ls_prints_lines_that_other_tools_can_cut(run: Any, name: str, steady: Callable[[str], str]) -> None:
    assert steady(run("ls").stdout) == "audio/DAY/ID\ttemp-audio\t24.7 kB\t0.56 s\tMOMENT\n"
    assert run("ls", "-q").stdout == f"{name}\n"
    assert [each["name"] for each in json.loads(run("ls", "--json").stdout)] == [name]


def test_ls_says_when_there_is_nothing_or_more(run: Any, fake: FakeMayfly) -> None:
    nothing = run("ls", "-c", "debug")
    with fake.client() as client:
        for _ in range(3):
            client.speak("Hello.")
    limited = run("ls", "-n", "2")

    assert (nothing.stdout, nothing.stderr) == ("", "There is no readable audio here.\n")
    assert len(limited.stdout.splitlines()) == 2
    assert "There is more" in limited.stderr
    assert len(run("ls", "-n", "0").stdout.splitlines()) == 3


def test_rm_deletes_and_does_not_mind_what_is_gone(run: Any, name: str) -> None:
    done = run("rm", name, name)

    assert done.stdout == f"gone already: {name}\n"
    assert done.exit_code == 0
    assert json.loads(run("rm", name, "--json").stdout) == [{"name": name, "deleted": False}]


def test_voices(run: Any) -> None:
    assert run("voices", "-l", "de").stdout == "de_DE-fake-low\tde_DE Deutsch\tlow\t22,050 Hz\tanna, otto\n"
    assert run("voices", "-q").stdout == "de_DE-fake-low\nen_US-fake-low\n"
    assert [each["is_default"] for each in json.loads(run("voices", "--json").stdout)] == [False, True]


def test_a_language_that_no_voice_speaks_is_told(run: Any) -> None:
    answer = run("voices", "--language", "zz")

    assert (answer.exit_code, answer.stdout, answer.stderr) == (0, "", "No voice that is loaded speaks zz.\n")


def test_sweep_reports_what_it_did(run: Any, name: str, fake: FakeMayfly, steady: Callable[[str], str]) -> None:
    fake.clock.advance(timedelta(hours=24))

    dry, real, empty = run("sweep", "--dry-run"), run("sweep"), run("sweep", "-q")

    assert "would delete: 1 (24.7 kB)" in dry.stdout
    assert "nothing was deleted" in dry.stdout
    assert steady(real.stdout) == SWEPT
    assert (empty.output, empty.exit_code) == ("", 0)


def test_sweep_as_json(run: Any) -> None:
    swept = json.loads(run("sweep", "--json", "-c", "temp-audio").stdout)

    assert (swept["state"], swept["dry_run"], swept["report"]["lines"]) == ("CLEAN", False, [])


def test_info_lists_the_collections(run: Any, steady: Callable[[str], str]) -> None:
    lines = steady(run("info").stdout).splitlines()

    assert lines[:2] == ["storage: ADDRESS", "backend: embedded"]
    assert "temp-audio\t24 h\t24 h\t52.4 MB\ttemp-audio/{date}/{audio_id}.{ext}" in lines
    assert sum(line.startswith("pitches\t") for line in lines) == 1
    assert run("info", "-q").stdout.splitlines()[0] == "temp-audio"
    assert json.loads(run("info", "--json").stdout)["collections"][0]["lifetime_seconds"] == 86_400


@pytest.mark.parametrize(
    "verb", ["say", "save", "get", "url", "ls", "rm", "keep", "forget", "usage", "voices", "sweep", "info"]
)
def test_every_verb_has_help_with_examples(run: Any, verb: str) -> None:
    done = run(verb, "--help")

    assert done.exit_code == 0
    assert "Examples" in done.stdout
    assert f"mayfly {verb}" in done.stdout.partition("Examples")[2]
    assert all(option in done.stdout for option in ("--json", "--quiet"))


@pytest.mark.parametrize("verb", [None, *sorted(VERBS)])
def test_help_shows_no_type_where_a_word_says_more(run: Any, verb: str | None) -> None:
    shown = run(*([verb] if verb else []), "--help").stdout
    (options,) = re.findall(r"─ Options ─.*?╰", shown, re.DOTALL)

    assert "--help" in options
    assert re.findall(r"<\w+>", options) == []


def test_help_lists_the_verbs_and_the_exit_codes(run: Any) -> None:
    done = run("--help")

    assert "2 used wrongly, 3 done in part" in done.stdout
    assert run("--version").stdout.startswith("mayfly 0.")

"""What the verbs that keep, forget and count print when their output is no terminal."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from mayfly_client.testing import FakeMayfly

KEPT = """\
name: audio/DAY/ID
collection: temp-audio
key: temp-audio/DAY/ID.wav
size: 24.7 kB (audio/wav)
duration: 0.56 s
voice: en_US-fake-low
expire_time: MOMENT (in 2 h)
"""


@pytest.fixture
def name(fake: FakeMayfly) -> str:
    with fake.client() as client:
        return client.speak("Hello.", user_id="u1").name


def test_keep_prints_the_new_end(run: Any, name: str, steady: Callable[[str], str]) -> None:
    done = run("keep", name, "--ttl", "2h")

    assert [line for line in steady(done.stdout).splitlines() if not line.startswith("user")] == KEPT.splitlines()
    assert (run("keep", "-q", name, "--ttl", "1h").output, done.exit_code) == ("", 0)


def test_keep_as_json_tells_where_it_was_cut(run: Any, name: str) -> None:
    kept = json.loads(run("keep", name, "--ttl", "90d", "--json").stdout)

    assert kept["name"] == name
    assert kept["expire_time"][:10] > kept["create_time"][:10]


def test_keep_needs_to_know_how_long(run: Any, name: str) -> None:
    assert run("keep", name).exit_code == 2


def test_what_is_gone_cannot_be_kept(run: Any, name: str, fake: FakeMayfly) -> None:
    fake.clock.advance(timedelta(days=1))

    done = run("keep", name, "--ttl", "2h")

    assert done.exit_code == 1
    assert "AUDIO_NOT_FOUND" in done.stderr


def test_forget_deletes_what_is_a_persons(run: Any, name: str) -> None:
    first, again = run("forget", "--user", "u1", "--yes"), run("forget", "--user", "u1", "-y")

    assert (first.stdout, first.exit_code) == ("deleted: 1 audio\n", 0)
    assert (again.stdout, again.exit_code) == ("deleted: 0 audios\n", 0)
    assert run("ls", "-q").stdout == ""


def test_forget_quietly_and_as_json(run: Any, name: str) -> None:
    assert run("forget", "--user", "u1", "-y", "-q").stdout == f"{name}\n"
    assert json.loads(run("forget", "--guest", "203.0.113.7", "-y", "--json").stdout) == {
        "deleted_names": [],
        "remaining": 0,
    }


def test_forget_waits_for_receipts(run: Any, name: str, fake: FakeMayfly) -> None:
    with ThreadPoolExecutor(1) as pool:
        sweeping = pool.submit(_sweep_once_forgotten, fake)
        done = run("forget", "--user", "u1", "-y", "--wait", "45m")
        sweeping.result()

    assert done.stdout.splitlines() == ["deleted: 1 audio", f"{name}\trequested\tdeleted\tyes\t1"]
    assert done.exit_code == 0


def test_forget_tells_what_no_sweep_has_certified_in_time(run: Any, name: str) -> None:
    done = run("forget", "--user", "u1", "-y", "--json", "--wait", "0.01s")

    assert json.loads(done.stdout) == {"deleted_names": [name], "remaining": 0, "receipts": []}
    assert f"No certificate names {name}" in done.stderr
    assert done.exit_code == 1


def _sweep_once_forgotten(fake: FakeMayfly) -> None:
    with fake.client() as client:
        while list(client.list(user_id="u1")):
            time.sleep(0.01)
        client.start_sweep()


@pytest.mark.parametrize(("answer", "left"), [("y\n", 0), ("n\n", 1), ("", 1)])
def test_forget_asks_first(run: Any, name: str, answer: str, left: int) -> None:
    done = run("forget", "--user", "u1", text=answer)

    assert "Delete all audio of u1 for good?" in done.stderr
    assert len(run("ls", "-q").stdout.splitlines()) == left


@pytest.mark.parametrize("persons", [[], ["--user", "u1", "--guest", "203.0.113.7"]])
def test_forget_needs_one_person(run: Any, persons: list[str]) -> None:
    done = run("forget", *persons, "-y")

    assert done.exit_code == 2
    assert "one of them, not both" in " ".join(done.stderr.split())


def test_usage_prints_what_each_collection_holds(run: Any, name: str) -> None:
    assert run("usage").stdout == "temp-audio\t1\t24.7 kB\t0.00 USD a month\n"
    assert json.loads(run("usage", "--json").stdout) == [
        {
            "collection": "temp-audio",
            "objects": 1,
            "size_bytes": 24_740,
            "monthly_cost": 0.0,
            "costs": {},
            "object_cost": 0.0,
        }
    ]
    assert run("usage", "-c", "debug").stderr == "Nothing is stored here.\n"


def test_get_streams_where_links_do_not_lead(run: Any, name: str, fake: FakeMayfly) -> None:
    done = run("get", "-q", "--stream", name, "-o", "-")

    assert done.stdout_bytes.startswith(b"RIFF")
    assert [call.method for call in fake.calls][-2:] == ["GetAudio", "DownloadAudio"]
    assert "SignUrls" not in [call.method for call in fake.calls]

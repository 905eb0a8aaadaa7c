"""`mayfly sweeps`."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from mayfly_client.certificates import Certificate

if TYPE_CHECKING:
    from pathlib import Path

    from mayfly_client.testing import FakeMayfly


@pytest.fixture
def names(fake: FakeMayfly) -> list[str]:
    """Two sweeps, each with a deleted audio."""
    deleted = []
    with fake.client() as client:
        for _ in range(2):
            saved = client.save(b"x", collection="temp-audio", content_type="audio/wav", ttl=60)
            fake.clock.advance(timedelta(minutes=1))
            client.start_sweep()
            deleted.append(saved.name)
    return deleted


def test_certificates_are_listed_newest_first(run: Any, names: list[str]) -> None:
    listed = run("sweeps", "ls")
    assert listed.exit_code == 0
    rows = [line.split("\t") for line in listed.stdout.splitlines()]
    assert [(row[0], row[2], row[3], row[6]) for row in rows] == [
        ("2", "clean", "1", "yes"),
        ("1", "clean", "1", "yes"),
    ]
    assert run("sweeps", "ls", "-q", "--limit", "1").stdout == "2\n"
    assert [one["sequence"] for one in json.loads(run("sweeps", "ls", "--json").stdout)] == [2, 1]


def test_a_certificate_is_shown_whole(run: Any, names: list[str]) -> None:
    shown = json.loads(run("sweeps", "show", "1").stdout)
    assert [entry["name"] for entry in shown["results"]] == names[:1]
    assert json.loads(run("sweeps", "show", "1", "--json").stdout) == shown


@pytest.mark.parametrize("number", ["3", "99"])
def test_a_certificate_that_is_not_there_is_told(run: Any, names: list[str], number: str) -> None:
    done = run("sweeps", "show", number)
    assert done.exit_code == 1
    assert f"There is no certificate {number}" in done.stderr


def test_the_chain_is_verified(run: Any, names: list[str]) -> None:
    done = run("sweeps", "verify")
    assert done.exit_code == 0
    assert done.stdout.startswith("The chain holds: 2 certificates, 1 to 2.\nIts head is ")


def test_a_chain_is_verified_without_a_server(run: Any, names: list[str], tmp_path: Path) -> None:
    file = tmp_path / "certificates.jsonl"
    assert run("sweeps", "export", str(file)).exit_code == 0
    nobody = {"MAYFLY_SWEEPER_TARGET": "127.0.0.1:1"}

    assert run("sweeps", "verify", str(file), **nobody).exit_code == 0
    head = json.loads(run("sweeps", "verify", str(file), "--json", **nobody).stdout)["head_sha256"]
    assert run("sweeps", "verify", str(file), "--head", head.upper(), **nobody).exit_code == 0
    assert run("sweeps", "verify", str(file), "--head", "00" * 32, **nobody).exit_code == 1


def test_a_changed_byte_is_found(run: Any, names: list[str], tmp_path: Path) -> None:
    file = tmp_path / "certificates.jsonl"
    run("sweeps", "export", str(file))
    file.write_text(file.read_text().replace("DELETED", "DELETEE", 1))

    done = run("sweeps", "verify", str(file))

    assert done.exit_code == 1
    assert "Certificate 1 was changed" in done.stdout


def test_a_file_of_something_else_is_told(run: Any, tmp_path: Path) -> None:
    (tmp_path / "x").write_text("hello\n")
    done = run("sweeps", "verify", str(tmp_path / "x"))
    assert done.exit_code == 1
    assert "has no certificate in line 1; `mayfly sweeps export` writes such files." in done.stderr


def test_an_empty_chain_is_no_proof(run: Any) -> None:
    done = run("sweeps", "verify")
    assert done.exit_code == 1
    assert done.stdout == "There is no certificate yet.\n"


def test_a_receipt_is_shown_to_whoever_asks_by_name(run: Any, names: list[str]) -> None:
    done = run("sweeps", "receipt", names[0])
    assert done.exit_code == 0
    assert f"audio: {names[0]}" in done.stdout
    assert "verified gone: by the store's own answer" in done.stdout
    assert json.loads(run("sweeps", "receipt", names[1], "--json").stdout)["certificate"]["sequence"] == 2


def test_what_was_not_deleted_has_no_receipt(run: Any, names: list[str]) -> None:
    name = "audio/2025-12-08/f47ac10b-58cc-4372-a567-0e02b2c3d479"
    done = run("sweeps", "receipt", name)
    assert done.exit_code == 1
    assert f"No certificate names {name}" in done.stderr


def test_receipts_of_many_are_lines(run: Any, names: list[str]) -> None:
    missing = "audio/2025-12-08/f47ac10b-58cc-4372-a567-0e02b2c3d479"
    done = run("sweeps", "receipt", *names, missing)

    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert rows == [[names[1], "expired", "deleted", "yes", "2"], [names[0], "expired", "deleted", "yes", "1"]]
    assert done.exit_code == 3
    assert f"No certificate names {missing}" in done.stderr
    found = json.loads(run("sweeps", "receipt", *names, "--json").stdout)
    assert [one["certificate"]["sequence"] for one in found] == [2, 1]


def test_who_was_forgotten_gets_receipts_by_the_names(run: Any, fake: FakeMayfly) -> None:
    with fake.client() as client:
        name = client.speak("Hello.", user_id="u1").name
        forgotten = run("forget", "--user", "u1", "-y", "-q").stdout.split()
        client.start_sweep()

    done = run("sweeps", "receipt", *forgotten, "--wait", "45m")

    assert forgotten == [name]
    assert done.exit_code == 0
    assert "was: requested\noutcome: deleted\nverified gone: by the store's own answer\n" in done.stdout


def test_what_is_no_json_object_is_listed_and_told(run: Any, names: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        Certificate, "document", property(lambda one: json.loads(b"{" if one.sequence == 2 else one.body))
    )

    listed = run("sweeps", "ls")
    assert listed.exit_code == 0
    assert [line.split("\t")[2] for line in listed.stdout.splitlines()] == ["unreadable", "clean"]
    assert [one["document"] is None for one in json.loads(run("sweeps", "ls", "--json").stdout)] == [True, False]

    shown = run("sweeps", "show", "2")
    assert shown.exit_code == 1
    assert "Certificate 2 is no JSON object" in shown.stderr

    receipt = run("sweeps", "receipt", names[1])
    assert receipt.exit_code == 1
    assert "No certificate names" in receipt.stderr

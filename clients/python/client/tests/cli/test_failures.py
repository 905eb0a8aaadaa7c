"""Failures of the command: message, remedy and reason on standard error, and an honest exit code."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import grpc
import pytest
import typer
from typer.testing import CliRunner

from mayfly_client.cli.group import ReportingGroup

if TYPE_CHECKING:
    from pathlib import Path

    from mayfly_client.testing import FakeMayfly


def test_a_failure_has_a_message_a_remedy_and_a_reason(run: Any) -> None:
    done = run("get", "audio/2025-12-08/none")

    assert done.exit_code == 1
    assert done.stdout == ""
    assert done.stderr == (
        "mayfly: no readable audio is named 'audio/2025-12-08/none'\n"
        "  `mayfly ls` lists what is readable.\n"
        "  reason: AUDIO_NOT_FOUND (storage.mayfly)\n"
    )


def test_a_remedy_does_not_repeat_the_message(run: Any) -> None:
    assert run("say", "").stderr == "mayfly: there is nothing to speak\n  reason: TEXT_EMPTY (synth.mayfly)\n"


def test_a_failure_as_json_goes_to_standard_error(run: Any) -> None:
    done = run("get", "audio/2025-12-08/none", "--json")

    error = json.loads(done.stderr)["error"]
    assert done.exit_code == 1
    assert done.stdout == ""
    assert (error["reason"], error["code"], error["domain"]) == ("AUDIO_NOT_FOUND", "NOT_FOUND", "storage.mayfly")
    assert error["metadata"] == {"name": "audio/2025-12-08/none"}
    assert error["remedy"]


def test_near_voices_are_offered(run: Any) -> None:
    assert "Did you mean en_US-fake-low" in run("say", "Hello.", "-v", "en_US-fake-lo").stderr


def test_the_fields_that_are_wrong_are_named(run: Any) -> None:
    done = run("say", "Hello.", "--speed", "9")

    assert "options.speed: must be 0.25 to 4.0" in done.stderr


def test_a_busy_server_says_when_to_come_back(run: Any, fake: FakeMayfly) -> None:
    code = grpc.StatusCode.RESOURCE_EXHAUSTED
    fake.refuse("Synthesize", code, "SERVER_BUSY", retry_after=timedelta(seconds=2))

    done = run("say", "Hello.")

    assert done.exit_code == 1
    assert "Try again in 2 s." in done.stderr


@pytest.mark.parametrize(
    ("arguments", "variable"),
    [
        (("--storage", "127.0.0.1:1", "info"), "MAYFLY_STORAGE_TARGET"),
        (("--synth", "127.0.0.1:1", "voices"), "MAYFLY_SYNTH_TARGET"),
        (("--sweeper", "127.0.0.1:1", "sweep"), "MAYFLY_SWEEPER_TARGET"),
    ],
)
def test_a_service_that_is_not_there_is_named(run: Any, arguments: tuple[str, ...], variable: str) -> None:
    done = run(*arguments)

    assert done.exit_code == 1
    assert "at 127.0.0.1:1 does not answer (connection refused)" in done.stderr
    assert variable in done.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("say",), "Missing argument"),
        (("say", "Hello.", "-f", "wma"), "format 'wma' is unknown"),
        (("say", "Hello.", "-o", "hello.txt"), "the suffix stands for no format"),
        (("say", "Hello.", "-o", "/no/such/folder/hello.wav"), "/no/such/folder does not exist"),
        (("say", "Hello.", "--ttl", "soon"), "'soon' is no duration"),
        (("say", "Hello.", "--key", "session_id"), "write --key NAME=VALUE"),
        (("save", "/no/such/file.wav"), "does not exist"),
        (("ls", "--limit", "-1"), "greater than or equal to 0"),
        (("frobnicate",), "No such command"),
        (("--timeout", "0", "info"), "--timeout"),
    ],
)
def test_wrong_use_is_told_before_anything_is_done(
    run: Any,
    fake: FakeMayfly,
    arguments: tuple[str, ...],
    told: str,
) -> None:
    done = run(*arguments)

    assert done.exit_code == 2
    assert done.stdout == ""
    assert told in " ".join(done.stderr.replace("│", " ").split())
    assert fake.calls == ()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("say", "--json"), "Missing argument 'TEXT'"),
        (("ls", "--json", "--limit", "x"), "Invalid value for '--limit' / '-n'"),
        (("say", "Hello.", "--json", "--ttl", "soon"), "'soon' is no duration"),
        (("say", "Hello.", "--json", "-f", "wma"), "format 'wma' is unknown"),
        (("frobnicate", "--json"), "No such command 'frobnicate'"),
        (("--timeout", "0", "info", "--json"), "Invalid value for '--timeout'"),
    ],
)
def test_wrong_use_is_told_as_json_to_programs(run: Any, arguments: tuple[str, ...], told: str) -> None:
    done = run(*arguments)

    assert done.exit_code == 2
    assert done.stdout == ""
    assert told in json.loads(done.stderr)["error"]["message"]


def test_exit_codes_are_the_same_with_json(run: Any) -> None:
    assert run("info", "--json").exit_code == 0
    assert run("url", "audio/2025-12-08/a", "--json").exit_code == 1
    assert run("ls", "--json", "--help").exit_code == 0


def test_help_says_where_errors_as_json_go(run: Any) -> None:
    assert "errors are JSON on standard error" in " ".join(run("ls", "--help").stdout.replace("│", " ").split())


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--ttl", "5000000000d"), "longer than anybody can wait"),
        (("--label", "a=\udcff"), "no text in UTF-8"),
    ],
)
def test_what_no_request_can_hold_is_wrong_use(run: Any, arguments: tuple[str, ...], told: str) -> None:
    done = run("say", "Hello.", *arguments)

    assert done.exit_code == 2
    assert told in " ".join(done.stderr.replace("│", " ").split())


def test_a_fault_of_the_command_is_no_wrong_use(run: Any) -> None:
    broken = typer.Typer(cls=ReportingGroup, pretty_exceptions_enable=False)
    broken.callback()(lambda: None)
    broken.command("parse")(lambda: int("x"))

    done = CliRunner().invoke(broken, ["parse"])

    assert done.exit_code == 1
    assert isinstance(done.exception, ValueError)


def test_messages_name_options_and_not_parameters(run: Any, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("# Hello")

    done = run("save", str(tmp_path / "README.md"))

    assert done.exit_code == 2
    assert "cannot tell the content type of a .md file: pass --content-type, or a file that ends in .wav" in done.stderr
    assert "content_type" not in done.stderr


@pytest.mark.parametrize("name_it", [True, False])
def test_a_file_that_is_there_is_not_replaced_unasked(
    run: Any,
    fake: FakeMayfly,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name_it: bool,  # noqa: FBT001 - a table
) -> None:
    monkeypatch.chdir(tmp_path)
    with fake.client() as client:
        audio = client.speak("Hello.").audio
    file = tmp_path / ("mine.wav" if name_it else audio.file_name)
    file.write_bytes(b"dear to me")
    arguments = ("get", audio.name, *(("-o", str(file)) if name_it else ()))

    refused = run(*arguments)
    kept = file.read_bytes()
    forced = run(*arguments, "--force")

    assert (refused.exit_code, kept) == (2, b"dear to me")
    assert "replace it with --force" in " ".join(refused.stderr.replace("│", " ").split())
    assert forced.exit_code == 0
    assert file.read_bytes().startswith(b"RIFF")


def test_wrong_settings_are_all_told(run: Any) -> None:
    done = run("info", MAYFLY_TIMEOUT="soon", MAYFLY_TOKEN_FILE="/no/such/file")

    assert done.exit_code == 2
    assert "MAYFLY_TIMEOUT='soon'" in done.stderr
    assert "MAYFLY_TOKEN_FILE='/no/such/file'" in done.stderr


def test_a_token_in_plaintext_is_refused(run: Any) -> None:
    done = run("--storage", "storage.example:50051", "info", MAYFLY_TOKEN="sesame")

    assert done.exit_code == 2
    assert "refusing to send a token in plaintext" in done.stderr
    assert "sesame" not in done.stderr


def test_some_names_of_several_fail(run: Any, fake: FakeMayfly) -> None:
    with fake.client() as client:
        name = client.speak("Hello.").name

    done = run("url", name, "audio/2025-12-08/none")

    assert done.exit_code == 3
    assert f"name: {name}" in done.stdout
    assert "mayfly: audio/2025-12-08/none: no readable audio" in done.stderr


def test_all_names_of_several_fail(run: Any) -> None:
    done = run("url", "audio/2025-12-08/a", "audio/2025-12-08/b")

    assert (done.exit_code, done.stdout) == (1, "")


def test_a_delete_that_fails_does_not_stop_the_others(run: Any, fake: FakeMayfly) -> None:
    with fake.client() as client:
        names = [client.speak("Hello.").name for _ in range(2)]
    fake.refuse("DeleteAudio", grpc.StatusCode.PERMISSION_DENIED, "CALLER_FORBIDDEN")

    done = run("rm", *names)

    assert done.exit_code == 3
    assert done.stdout == f"deleted: {names[1]}\n"
    assert "reason: CALLER_FORBIDDEN" in done.stderr


def test_a_guarded_sweep_is_a_failure(run: Any, fake: FakeMayfly) -> None:
    with fake.client() as client:
        for _ in range(2):
            client.speak("Hello.", ttl=60)
    fake.clock.advance(timedelta(minutes=1))

    done = run("sweep", "--max-delete", "1")

    assert done.exit_code == 1
    assert "state: guarded" in done.stdout
    assert "max_delete_count is 1" in done.stdout


def test_a_file_that_cannot_be_written_is_told(run: Any, fake: FakeMayfly, tmp_path: Path) -> None:
    with fake.client() as client:
        name = client.speak("Hello.").name

    done = run("get", name, "-o", str(tmp_path / ("x" * 300)))

    assert done.exit_code == 1
    assert "File name too long" in done.stderr

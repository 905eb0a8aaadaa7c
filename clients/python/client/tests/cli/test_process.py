"""The command as a process: exit codes, pipes, terminals."""

from __future__ import annotations

import os
import pty
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mayfly_client.testing import FakeMayfly


def test_audio_goes_through_a_pipe(command: Any) -> None:
    code, out, err = command.run("say", "-", "-o", "-", text=b"Hello.\n")

    assert code == 0
    assert out.startswith(b"RIFF")
    assert len(out) == 24_740
    assert "name: audio/" in err
    assert "\x1b" not in err


def test_a_reader_that_has_enough_is_no_traceback(command: Any) -> None:
    with command.start("say", "A sentence that is long enough to fill the pipe. " * 5, "-o", "-") as process:
        assert process.stdout.read(4) == b"RIFF"
        process.stdout.close()
        err = process.stderr.read().decode()
        process.stdin.close()
        process.wait(timeout=60)

    assert process.returncode == 1
    assert "Traceback" not in err


def test_exit_codes_reach_the_shell(command: Any, fake: FakeMayfly) -> None:
    with fake.client() as client:
        name = client.speak("Hello.").name

    assert command.run("say")[0] == 2
    assert command.run("url", "-q", name, "audio/2025-12-08/none")[0] == 3


def test_failures_are_no_tracebacks(command: Any) -> None:
    code, out, err = command.run("get", "no name at all")

    assert (code, out) == (1, b"")
    assert err.startswith("mayfly: ")
    assert "Traceback" not in err


def on_a_terminal(command: Any, *arguments: str, **environ: str) -> str:
    """What the command writes to a terminal of its own."""
    leader, follower = pty.openpty()
    pid = os.posix_spawn(
        sys.executable,
        [sys.executable, "-m", "mayfly_client", *arguments],
        {**command.environ, "TERM": "xterm-256color", "COLUMNS": "80", "PATH": "/usr/bin:/bin", **environ},
        file_actions=[(os.POSIX_SPAWN_DUP2, follower, 1), (os.POSIX_SPAWN_DUP2, follower, 2)],
    )
    os.close(follower)
    written = bytearray()
    try:
        while chunk := os.read(leader, 65_536):
            written += chunk
    except OSError:
        # Linux's way to say that the other side has closed.
        pass
    finally:
        os.close(leader)
        os.waitpid(pid, 0)
    return written.decode()


def test_a_terminal_gets_a_panel_colours_and_a_whole_link(command: Any) -> None:
    shown = on_a_terminal(command, "say", "Hello.")

    assert "Spoken" in shown
    assert "╭" in shown
    assert "\x1b[36m" in shown
    assert "Speaking" in shown
    (link,) = [line for line in shown.splitlines() if line.startswith("http://")]
    assert "sig=" in link


def test_no_color_is_honoured(command: Any) -> None:
    shown = on_a_terminal(command, "voices", NO_COLOR="1")

    assert "en_US-fake-low" in shown
    assert "\x1b[3" not in shown


def test_progress_is_silent_if_quiet(command: Any) -> None:
    shown = on_a_terminal(command, "say", "-q", "Hello.")

    assert shown.startswith("audio/")
    assert "Speaking" not in shown

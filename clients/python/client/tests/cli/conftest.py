"""The command, run in this process and in its own."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner, Result

from mayfly_client.cli.app import app

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from mayfly_client.testing import FakeMayfly

    Run = Callable[..., Result]

_NARROW = {"COLUMNS": "100", "TERM": "xterm", "NO_COLOR": "1"}


@pytest.fixture
def run(fake: FakeMayfly) -> Run:
    """Run the command in this process, not on a terminal."""

    def run_it(*arguments: str, text: str | None = None, **environ: str) -> Result:
        return CliRunner().invoke(app, arguments, input=text, env={**fake.environ, **_NARROW, **environ})

    return run_it


@dataclass(frozen=True, slots=True)
class Command:
    """Runs the command in a process of its own."""

    environ: Mapping[str, str]
    folder: Path

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "mayfly_client", *arguments],
            cwd=self.folder,
            env={**_NARROW, **self.environ, "PATH": "/usr/bin:/bin", "HOME": str(self.folder)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def run(self, *arguments: str, text: bytes = b"") -> tuple[int, bytes, str]:
        """Exit code, standard output, standard error."""
        with self.start(*arguments) as process:
            out, err = process.communicate(text, timeout=60)
        return process.returncode, out, err.decode()


@pytest.fixture
def command(fake: FakeMayfly, tmp_path: Path) -> Command:
    return Command(fake.environ, tmp_path)


def steady(text: str) -> str:
    """The text with everything that differs from run to run taken out."""
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "ID", text)
    text = re.sub(r"\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}:\d{2}( UTC|Z)", "MOMENT", text)
    text = re.sub(r"\d{4}-\d{2}-\d{2}", "DAY", text)
    text = re.sub(r"http://127\.0\.0\.1:\d+/ID\?\S+", "LINK", text)
    text = re.sub(r"127\.0\.0\.1:\d+", "ADDRESS", text)
    return re.sub(r"(took: )\S+ s", r"\1SECONDS", text)


@pytest.fixture(name="steady")
def steady_fixture() -> Callable[[str], str]:
    return steady

"""Documents are part of the product: their links lead somewhere, their commands run, their output is real."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tools.demo import PLAYERS

if TYPE_CHECKING:
    from tests.conftest import Stack

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
DOCUMENTS = sorted(
    path
    for path in ROOT.rglob("*.md")
    if not any(part.startswith(".") or part in {"node_modules", "build"} for part in path.relative_to(ROOT).parts)
)
README = (ROOT / "README.md").read_text()
LINK = re.compile(r"\]\((?!https?://|#|mailto:)([^)#\s]+)")
MAKE = re.compile(r"`make ([a-z-]+)[^`]*`|^\$ make ([a-z-]+)", re.MULTILINE)
PLAYER = f"(?:{'|'.join(PLAYERS)})"
NUMBER = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|\d[\d.,:+-]*")


def blocks(language: str) -> list[str]:
    """The README's blocks in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def environment(stack: Stack) -> dict[str, str]:
    """Where the README's commands find the set, as if it ran on its usual ports."""
    targets = {f"MAYFLY_{door.upper()}_TARGET": stack.address(door) for door in ("storage", "synth", "sweeper")}
    return {**os.environ, **targets, "NO_COLOR": "1"}


def shape(text: str) -> list[str]:
    """What stays the same from run to run and from machine to machine.

    The words, without numbers, widths and signatures; whatever plays audio there, if anything does.
    """
    lines = [re.sub(r"\?exp=\S+", "?...", line) for line in text.splitlines()]
    lines = [re.sub(rf"(play it +)(?:{PLAYER} (\S+)|open (\S+) with any player)$", r"\1\2\3", line) for line in lines]
    lines = [NUMBER.sub("0", line) for line in lines if not re.match(r"\s*[┏┡└│┃]", line)]
    return [" ".join(line.split()) for line in lines if line.strip() and "is ready" not in line]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    broken = [link for link in LINK.findall(document.read_text()) if not (document.parent / link).exists()]

    assert broken == []


def test_every_make_target_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {
        target for document in DOCUMENTS for pair in MAKE.findall(document.read_text()) for target in pair if target
    }

    assert named - targets == set()
    assert {"demo", "test", "check", "up", "down", "say"} <= targets


def test_the_readme_program_runs(embedded: Stack, tmp_path: Path) -> None:
    (program,) = blocks("python")
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment(embedded),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "audio/" in done.stdout
    assert "http://127.0.0.1:" in done.stdout


def test_the_readme_commands_run(embedded: Stack, tmp_path: Path) -> None:
    lines = [line.removeprefix("$ .venv/bin/") for block in blocks("console") for line in block.splitlines()]
    commands = [line for line in lines if line.startswith("mayfly ")]
    assert len(commands) >= 4

    for command in commands:
        done = subprocess.run(
            ["bash", "-c", f"{BIN}/{command}"],
            env=environment(embedded),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, f"{command}: {done.stderr}"
    assert (tmp_path / "piped.wav").read_bytes()[:4] == b"RIFF"


def test_the_readme_shows_what_the_demo_really_prints(tmp_path: Path) -> None:
    (command,) = [line for block in blocks("console") for line in block.splitlines() if "make demo" in line]
    text = re.search(r'TEXT="(.*)"', command)
    assert text is not None
    done = subprocess.run(
        [sys.executable, "-m", "tools.demo", "--text", text[1]],
        env={**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1", "COLUMNS": "120"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "hello.wav").read_bytes()[:4] == b"RIFF"
    assert shape(blocks("text")[0]) == shape(done.stdout)

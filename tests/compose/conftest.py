"""A real engine runs docker-compose.yml: built from this tree, on free ports, under a project name of its own."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
TOKEN = ROOT / "deploy/compose/tokens/development"
PORTS = ("STORAGE", "LINKS", "SYNTH", "SWEEPER", "GATEWAY", "MOTO")
# Building the images downloads every pinned wheel once; everything else takes seconds.
BUILD_SECONDS = 1500
UP_SECONDS = 180
COMMAND_SECONDS = 120


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """`make test` leaves these out; `make test-compose` asks for them by their marker."""
    if config.getoption("markexpr") == "compose":
        return
    for item in items:
        if item.get_closest_marker("compose"):
            item.add_marker(pytest.mark.skip(reason="builds images and runs them: `make test-compose`"))


@dataclass(frozen=True, slots=True)
class Stack:
    """The services of one profile, under one project name."""

    profile: str
    project: str
    settings: Path
    ports: dict[str, int]

    def compose(self, *arguments: str, seconds: int = COMMAND_SECONDS) -> str:
        """`docker compose ...` of this project: its standard output. Fails the test with what the command said."""
        command = ["docker", "compose", "--project-name", self.project, "--env-file", str(self.settings)]
        return run(*command, "--profile", self.profile, *arguments, seconds=seconds)

    def containers(self) -> dict[str, dict[str, Any]]:
        """What the engine knows of every running container, by service."""
        ids = self.compose("ps", "--quiet").split()
        found = json.loads(run("docker", "inspect", *ids))
        return {one["Config"]["Labels"]["com.docker.compose.service"]: one for one in found}

    def service(self, name: str) -> str:
        """What storage is called in this profile; the others have one name."""
        return "storage-aws" if name == "storage" and self.profile == "aws" else name

    def python(self, service: str, code: str) -> str:
        """Run a few lines inside a container, with its environment and its user."""
        return self.compose("exec", "-T", self.service(service), "python", "-c", code).strip()

    def image_python(self, service: str, code: str) -> str:
        """Run a few lines in a service's image, as root, so that nothing in it is hidden."""
        image = self.containers()[self.service(service)]["Image"]
        as_root = ("docker", "run", "--rm", "--user", "0:0", "--network", "none", "--entrypoint", "python")
        return run(*as_root, image, "-c", code)

    def mayfly(self, *arguments: str, token: bool = True) -> subprocess.CompletedProcess[str]:
        """The `mayfly` command of a person on this machine."""
        environment = {
            "PATH": os.defpath,
            "MAYFLY_STORAGE_TARGET": f"127.0.0.1:{self.ports['STORAGE']}",
            "MAYFLY_SYNTH_TARGET": f"127.0.0.1:{self.ports['SYNTH']}",
            "MAYFLY_SWEEPER_TARGET": f"127.0.0.1:{self.ports['SWEEPER']}",
            **({"MAYFLY_TOKEN_FILE": str(TOKEN)} if token else {}),
        }
        return subprocess.run(
            [Path(sys.executable).parent / "mayfly", *arguments],
            env=environment,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )

    def say(self, text: str, *options: str) -> dict[str, Any]:
        """Speak, and answer what `mayfly say --json` prints."""
        done = self.mayfly("say", text, "--json", *options)
        assert done.returncode == 0, done.stderr
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer


def run(*command: str, seconds: int = COMMAND_SECONDS) -> str:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=seconds, check=False)
    if done.returncode:
        pytest.fail(f"{' '.join(command)}\nexited with {done.returncode}:\n{done.stdout}\n{done.stderr}", pytrace=False)
    return done.stdout


def free_ports(count: int) -> list[int]:
    """Ports that nobody has; all are held until the last is found, so that they differ."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [one.getsockname()[1] for one in sockets]


@pytest.fixture(scope="session")
def engine() -> None:
    """Skip where there is no Docker with Compose, saying what is missing."""
    if shutil.which("docker") is None:
        pytest.skip("no `docker` command on the PATH")
    for command in (["docker", "version"], ["docker", "compose", "version"]):
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        if done.returncode:
            pytest.skip(f"`{' '.join(command)}` failed, so no engine answers: {done.stderr.strip()}")


@pytest.fixture(scope="session", params=["embedded", "aws"])
def stack(request: pytest.FixtureRequest, engine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The whole set, built and healthy; gone afterwards, with its volumes."""
    ports = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
    settings = tmp_path_factory.mktemp("compose") / "ports.env"
    settings.write_text("".join(f"MAYFLY_PORT_{name}={port}\n" for name, port in ports.items()))
    made = Stack(request.param, f"mayfly-test-{os.getpid()}-{request.param}", settings, ports)
    try:
        made.compose("build", seconds=BUILD_SECONDS)
        made.compose("up", "--wait", "--wait-timeout", str(UP_SECONDS), seconds=UP_SECONDS + 60)
        yield made
    finally:
        if request.session.testsfailed:
            sys.stderr.write(made.compose("logs", "--no-color", "--tail", "60"))
        made.compose("--profile", "jobs", "down", "--volumes", "--remove-orphans")

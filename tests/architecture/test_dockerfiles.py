"""The Dockerfiles, judged without an engine; tests/compose builds and runs what they make."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
SERVICES = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
IMAGES = {
    "storage": "services/storage/Dockerfile",
    "synth": "services/synth/Dockerfile",
    "sweeper": "services/sweeper/Dockerfile",
    "gateway": "clients/gateway/Dockerfile",
}
DOCKERFILES = [*IMAGES.values(), "deploy/compose/moto.Dockerfile"]
every_dockerfile = pytest.mark.parametrize("path", DOCKERFILES)


def instructions(path: str) -> list[tuple[str, str]]:
    """(KEYWORD, rest) of a Dockerfile, continuation lines joined."""
    text = re.sub(r"^#.*\n", "", (ROOT / path).read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    return [(words[0], " ".join(words[1:])) for line in text.splitlines() if (words := line.split())]


def values(path: str, keyword: str) -> list[str]:
    return [rest for word, rest in instructions(path) if word == keyword]


@every_dockerfile
def test_all_stages_start_from_the_same_pinned_base(path: str) -> None:
    version = (ROOT / ".python-version").read_text().strip()

    assert values(path, "ARG") == [f"BASE_IMAGE=python:{version}-slim-bookworm"]
    assert {image.split(" AS ")[0] for image in values(path, "FROM")} == {"${BASE_IMAGE}"}


@every_dockerfile
def test_images_hold_hash_pinned_wheels_and_nothing_else(path: str) -> None:
    installs = [
        part for run in values(path, "RUN") for part in run.split("&&") if " install " in part and "pip" in part
    ]

    assert installs
    assert all("--require-hashes" in one or "--no-index /wheels/" in one for one in installs)
    assert not any("apt" in run.split() or "apt-get" in run.split() for run in values(path, "RUN"))


@every_dockerfile
def test_the_last_stage_copies_an_environment_and_installs_nothing(path: str) -> None:
    words = instructions(path)
    last = max(index for index, (word, _) in enumerate(words) if word == "FROM")
    copied = [rest for word, rest in words[last:] if word == "COPY"]

    assert copied[0].startswith("--from=environment /opt/")
    assert all(copy.startswith("voices/") for copy in copied[1:])
    assert not any("pip" in rest for word, rest in words[last:] if word == "RUN")


@every_dockerfile
def test_images_run_as_nobody_and_get_their_signals(path: str) -> None:
    assert values(path, "USER") == ["10001:10001"]
    assert values(path, "ENTRYPOINT")[0].startswith("[")
    assert values(path, "HEALTHCHECK")[0].count("CMD [") == 1


@pytest.mark.parametrize("image", IMAGES)
def test_the_probe_asks_where_the_server_listens(image: str) -> None:
    (check,) = values(IMAGES[image], "HEALTHCHECK")
    probe = "mayfly_gateway.probe" if image == "gateway" else "mayfly_runtime.probe"
    listen = SERVICES[image]["environment"][f"MAYFLY_{image.upper()}_LISTEN"]

    assert f'"{probe}", "127.0.0.1:{listen.rsplit(":", 1)[1]}"' in check


def test_the_build_context_is_a_list_of_what_is_allowed() -> None:
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if not line.startswith("#")]

    assert lines[0] == "*"
    assert {line for line in lines if line.startswith("!")} == {
        "!requirements/*.txt",
        "!libs/runtime",
        "!clients/python",
        "!clients/gateway",
        "!services",
        "!voices",
    }

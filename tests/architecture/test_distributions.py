"""What each distribution may need, judged on the built wheels: an import rule cannot see what gets installed.

In this workspace all distributions share one environment: synth could import boto3 here, and all tests would pass.
"""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from email import message_from_bytes
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DISTRIBUTIONS = {
    "mayfly-runtime": "libs/runtime",
    "mayfly-protos": "clients/python/protos",
    "mayfly-client": "clients/python/client",
    "mayfly-storage": "services/storage",
    "mayfly-synth": "services/synth",
    "mayfly-sweeper": "services/sweeper",
    "mayfly-gateway": "clients/gateway",
}
AWS = {"boto3", "botocore", "s3transfer"}
ENGINES = {"piper-tts", "onnx", "onnxruntime", "ffmpeg-python", "imageio-ffmpeg"}


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Every distribution, built as it would be published."""
    out = tmp_path_factory.mktemp("wheels")
    for folder in DISTRIBUTIONS.values():
        command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT / folder)]
        subprocess.run(command, check=True, capture_output=True, timeout=280)
    return {name: next(out.glob(f"{name.replace('-', '_')}-*.whl")) for name in DISTRIBUTIONS}


def requirements(wheel: Path, *, extras: bool = False) -> set[str]:
    """Names that a wheel requires, in their normal form."""
    with zipfile.ZipFile(wheel) as archive:
        metadata = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        lines = message_from_bytes(archive.read(metadata)).get_all("Requires-Dist") or []
    wanted = [line for line in lines if extras or "extra ==" not in line]
    return {re.split(r"[^\w.-]", line, maxsplit=1)[0].lower().replace("_", "-") for line in wanted}


def closure(wheels: dict[str, Path], name: str) -> set[str]:
    """All that a distribution requires, through the project's own distributions."""
    found: set[str] = set()
    for requirement in requirements(wheels[name], extras=True):
        found.add(requirement)
        if requirement in wheels:
            found |= closure(wheels, requirement)
    return found


@cache
def pinned(name: str) -> frozenset[str]:
    """Packages of a set of hash-pinned requirements: what an image really installs, transitively."""
    text = (ROOT / f"requirements/{name}.txt").read_text()
    return frozenset(re.findall(r"^([a-z0-9-]+)==", text.lower(), re.MULTILINE))


def contents(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_storage_alone_requires_the_aws_sdk(wheels: dict[str, Path]) -> None:
    assert [name for name in wheels if closure(wheels, name) & AWS] == ["mayfly-storage"]


def test_synth_alone_requires_piper_and_ffmpeg(wheels: dict[str, Path]) -> None:
    assert [name for name in wheels if closure(wheels, name) & ENGINES] == ["mayfly-synth"]


def test_no_service_requires_another(wheels: dict[str, Path]) -> None:
    services = {"mayfly-storage", "mayfly-synth", "mayfly-sweeper"}

    assert {name: closure(wheels, name) & services for name in services} == {name: set() for name in services}


def test_the_gateway_requires_no_service(wheels: dict[str, Path]) -> None:
    ours = {name for name in closure(wheels, "mayfly-gateway") if name.startswith("mayfly-")}

    assert ours == {"mayfly-client", "mayfly-protos", "mayfly-runtime"}


def test_the_client_requires_neither_runtime_nor_service(wheels: dict[str, Path]) -> None:
    assert {name for name in closure(wheels, "mayfly-client") if name.startswith("mayfly-")} == {"mayfly-protos"}


@pytest.mark.parametrize("image", ["synth", "sweeper", "gateway", "client"])
def test_what_other_images_install_has_no_aws_sdk(image: str) -> None:
    assert not pinned(image) & AWS


@pytest.mark.parametrize("image", ["storage", "sweeper", "gateway", "client"])
def test_what_other_images_install_has_no_engine(image: str) -> None:
    assert not pinned(image) & ENGINES


@pytest.mark.parametrize("image", ["synth", "sweeper", "client"])
def test_what_serves_no_http_installs_no_server_of_it(image: str) -> None:
    assert "uvicorn" not in pinned(image)


def test_requirements_name_no_host_and_pin_with_hashes() -> None:
    for path in (ROOT / "requirements").glob("*.txt"):
        text = path.read_text()
        pins = re.findall(r"^\S+==\S+", text, re.MULTILINE)

        assert "://" not in text
        assert "--index" not in text
        assert pins
        assert len(pins) == len(re.findall(r"^\S+==[^\n]*\\\n    --hash=sha256:", text, re.MULTILINE)), path.name


def test_wheels_are_typed_and_carry_their_data(wheels: dict[str, Path]) -> None:
    typed = {name: f"{name.replace('-', '_')}/py.typed" for name in DISTRIBUTIONS if name != "mayfly-protos"}

    assert {name for name, marker in typed.items() if marker not in contents(wheels[name])} == set()
    assert "mayfly/storage/v1/py.typed" in contents(wheels["mayfly-protos"])
    assert "mayfly_storage/collections.toml" in contents(wheels["mayfly-storage"])
    assert "mayfly_storage/backends/embedded/schema.sql" in contents(wheels["mayfly-storage"])
    assert "mayfly_gateway/page/index.html" in contents(wheels["mayfly-gateway"])


def test_import_rules_hold() -> None:
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout

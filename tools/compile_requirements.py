"""Refresh requirements/*.txt: every third-party pin with its hashes, and no host name.

The inputs are the distributions' own pyproject files (so that a dependency is stated once) and the
tool lists below. Needs network access to a package index, and `uv` from requirements/dev.txt.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "requirements"

DISTRIBUTIONS = {
    "mayfly-runtime": ROOT / "libs/runtime",
    "mayfly-storage": ROOT / "services/storage",
    "mayfly-synth": ROOT / "services/synth",
    "mayfly-sweeper": ROOT / "services/sweeper",
    "mayfly-protos": ROOT / "clients/python/protos",
    "mayfly-client": ROOT / "clients/python/client",
    "mayfly-gateway": ROOT / "clients/gateway",
}

# Editable installs without build isolation (and so without unpinned downloads) need the build backend.
BUILD = ["hatchling", "editables"]
SERVICES = ["mayfly-storage[cdn]", "mayfly-synth", "mayfly-sweeper", "mayfly-gateway", "mayfly-client[cli]"]
LOCAL_AWS = ["moto[server,s3,dynamodb]>=5.2.5"]
DEVELOPMENT = [
    "axe-playwright-python",
    "mayfly-synth[pocketsphinx]",  # hears, in the tests, whether the voice says what it should
    "build",
    "buf-bin",
    "check-jsonschema",
    "croniter",
    "cryptography",
    "grpcio-tools",
    "hypothesis",
    "import-linter",
    "jsonpatch",
    "kubernetes-validate",
    "mypy",
    "openai",
    "playwright",
    "promql-parser",
    "pytest",
    "pytest-asyncio",
    "pytest-socket",
    "pytest-timeout",
    "pytest-xdist",
    "boto3-stubs[s3,dynamodb]",
    "ruff",
    "schemathesis",
    "types-grpcio",
    "types-grpcio-health-checking",
    "types-grpcio-reflection",
    "types-grpcio-status",
    "types-protobuf",
    "uv",
]

# Order matters: every later set is constrained by the first, so all environments agree on versions.
SETS: dict[str, list[str]] = {
    "dev": [*BUILD, *SERVICES, *LOCAL_AWS, *DEVELOPMENT],
    "run": [*BUILD, *SERVICES],
    "storage": ["mayfly-storage[cdn]"],
    "synth": ["mayfly-synth"],
    "sweeper": ["mayfly-sweeper"],
    "gateway": ["mayfly-gateway"],
    "client": ["mayfly-client[cli]"],
    "moto": LOCAL_AWS,
    "build": BUILD,
}
# The stubs' generator is as old as the oldest runtime that callers may have, so it has its own environment:
# generated code refuses runtimes that are older than its generator.
PROTO_TOOLS = ["grpcio-tools==1.75.1", "mypy-protobuf==5.1.0", "setuptools<81"]


def third_party(requirements: list[str]) -> list[str]:
    """The requirements with each mayfly distribution replaced by what it needs itself."""
    found: set[str] = set()
    for requirement in requirements:
        name, extras = re.fullmatch(r"([\w-]+)(?:\[([\w,-]+)\])?.*", requirement).groups()  # type: ignore[union-attr]
        if name not in DISTRIBUTIONS:
            found.add(requirement)
            continue
        project = tomllib.loads((DISTRIBUTIONS[name] / "pyproject.toml").read_text())["project"]
        optional = project.get("optional-dependencies", {})
        wanted = [
            *project["dependencies"],
            *(line for extra in (extras or "").split(",") if extra for line in optional[extra]),
        ]
        found.update(third_party(wanted))
    return sorted(found)


def compile_set(name: str, requirements: list[str], *, constraint: Path | None) -> None:
    """Resolve one set for Python 3.11 and later on every platform, and write it."""
    with tempfile.NamedTemporaryFile("w", suffix=".in") as source:
        source.write("\n".join(requirements))
        source.flush()
        command = [sys.executable, "-m", "uv", "pip", "compile", source.name, "--universal", "--python-version", "3.11"]
        command += ["--generate-hashes", "--no-header", "--no-annotate", "--no-emit-index-url", "--quiet"]
        command += ["--constraint", str(constraint)] if constraint else []
        text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    if "://" in text:
        sys.exit(f"requirements/{name}.txt would carry a URL; requirements must not name a host")
    note = f"# Pins and hashes of the {name!r} set. Refresh with `make locks` (tools/compile_requirements.py).\n"
    (OUT / f"{name}.txt").write_text(note + text)
    print(f"requirements/{name}.txt: {text.count('==')} packages")


def main() -> None:
    """Compile every set; the first constrains the rest."""
    for name, requirements in SETS.items():
        constraint = None if name == "dev" else OUT / "dev.txt"
        compile_set(name, third_party(requirements), constraint=constraint)
    compile_set("protos", PROTO_TOOLS, constraint=None)


if __name__ == "__main__":
    main()

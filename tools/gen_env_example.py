"""Write .env.example from the settings classes: every variable, its default, and what it means.

`--check` writes nothing and fails when the committed file differs.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import re
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

from mayfly_client import config as client_config
from mayfly_gateway.config import GatewaySettings
from mayfly_runtime.settings import ServerSettings, ServiceSettings
from mayfly_storage.config import StorageSettings
from mayfly_sweeper.config import SweeperSettings
from mayfly_synth.config import SynthSettings

ROOT = Path(__file__).resolve().parent.parent
FILE = ROOT / ".env.example"
WIDTH = 118

HEAD = """\
# Every variable that Mayfly reads, with its default. Generated from the settings classes by
# tools/gen_env_example.py; `make check` fails when it lags behind.
#
# Everything works without any of them. Processes read their environment, never a file: `set -a; . ./my.env; set +a`.
# Docker Compose reads .env for the first section only. A copy of this file may take its place; the other sections
# do not reach the containers, whose settings stand in docker-compose.yml (or in a docker-compose.override.yml).
# To call what Compose runs, as its made-up development caller: MAYFLY_TOKEN_FILE=deploy/compose/tokens/development
"""


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable, as it is written down."""

    name: str
    default: str
    meaning: str
    active: bool = False
    """Whether it is set, and not a comment that shows the default."""


@dataclass(frozen=True, slots=True)
class Section:
    """Variables that one reader has in common."""

    title: str
    variables: list[Variable]


# What stands in docker-compose.yml as ${NAME:-default}; tests/architecture/test_compose_file.py compares.
COMPOSE = [
    Variable("COMPOSE_PROFILES", "embedded", "Backend: `embedded`, or `aws` for a local moto server.", active=True),
    Variable("MAYFLY_BASE_IMAGE", "python:3.11-slim-bookworm", "Image that all others start from; pin it by @sha256."),
    Variable("MAYFLY_PORT_STORAGE", "50051", "Port of StorageService, on 127.0.0.1 like all of them."),
    Variable("MAYFLY_PORT_LINKS", "50080", "Port of signed links."),
    Variable("MAYFLY_PORT_SYNTH", "50061", "Port of SynthService."),
    Variable("MAYFLY_PORT_SWEEPER", "50071", "Port of SweeperService."),
    Variable("MAYFLY_PORT_GATEWAY", "50088", "Port of the gateway, with the page."),
    Variable("MAYFLY_PORT_MOTO", "50090", "Port of the moto server, for the profile `aws`."),
]


def sections() -> list[Section]:
    """Everything, newcomers' matters first."""
    return [
        Section("Docker Compose", COMPOSE),
        Section("Clients and the mayfly command", client_variables()),
        Section("storage", service_variables(StorageSettings)),
        Section("synth", service_variables(SynthSettings)),
        Section("sweeper", service_variables(SweeperSettings)),
        Section("gateway", service_variables(GatewaySettings)),
    ]


def service_variables(settings: type[ServiceSettings]) -> list[Variable]:
    """What a service reads: its own settings first, then those that every service has."""
    shared = {field.upper() for field in (*ServiceSettings.model_fields, *ServerSettings.model_fields)}
    prefix = str(settings.model_config.get("env_prefix", ""))
    found = [
        Variable(
            one.variable,
            one.default or "",
            _sentence(
                one.meaning,
                "Required." if one.default is None else "",
                f"Secret: {one.variable}_FILE may name a file instead." if one.secret else "",
                f"Also read from {', '.join(one.aliases)}." if one.aliases else "",
            ),
        )
        for one in settings.reference()
    ]
    return sorted(found, key=lambda variable: variable.name.removeprefix(prefix) in shared)


def client_variables() -> list[Variable]:
    """What `mayfly_client.config` reads: each attribute's docstring names its variables, then says what they mean."""
    (settings,) = ast.parse(inspect.getsource(client_config.ClientSettings)).body
    assert isinstance(settings, ast.ClassDef)  # noqa: S101 - for the type checker
    found = []
    for attribute, text in zip(settings.body, settings.body[1:], strict=False):
        if isinstance(attribute, ast.AnnAssign) and isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
            names, _, meaning = " ".join(str(text.value.value).split()).partition(": ")
            default = getattr(client_config.ClientSettings(), ast.unparse(attribute.target))
            found += [
                Variable(name, "" if default is None else str(default), _sentence(meaning[0].upper() + meaning[1:]))
                for name in re.findall(r"`(MAYFLY_\w+)`", names)
            ]
    return found


def render() -> str:
    """The whole file."""
    parts = [HEAD]
    for section in sections():
        parts.append(f"\n# ---- {section.title} ----\n")
        parts += [_entry(variable) for variable in section.variables]
    return "\n".join(parts)


def _entry(variable: Variable) -> str:
    comment = textwrap.fill(
        variable.meaning, WIDTH, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False
    )
    return f"{comment}\n{'' if variable.active else '#'}{variable.name}={variable.default}\n"


def _sentence(*parts: str) -> str:
    return " ".join(part for part in parts if part)


def main() -> None:
    """Write the file, or compare it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, fail on a difference")
    text = render()
    if not parser.parse_args().check:
        FILE.write_text(text, encoding="utf-8")
    elif not FILE.exists() or FILE.read_text(encoding="utf-8") != text:
        sys.exit(".env.example differs from the settings classes; run tools/gen_env_example.py and commit the result")


if __name__ == "__main__":
    main()

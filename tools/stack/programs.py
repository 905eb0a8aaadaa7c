"""What the set consists of: commands, their settings, and when each of them is ready."""

from __future__ import annotations

import os
import secrets
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final, TypeAlias

from mayfly_runtime.probe import ask
from tools.stack.layout import HOST, ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from tools.stack.layout import Layout

Probe: TypeAlias = Callable[[], bool]

_PROBE_TIMEOUT: Final = timedelta(seconds=1)

AWS_REGION: Final = "eu-central-1"
AWS_BUCKET: Final = "mayfly-local"
AWS_TABLE: Final = "mayfly-local"
MADE_UP_CREDENTIALS: Final = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "made-up-and-never-shown"}
"""The emulator believes everybody; no real key is ever near the local set."""


class Backend(StrEnum):
    """Where storage keeps audio."""

    EMBEDDED = "embedded"
    AWS = "aws"


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """One process of the set."""

    name: str
    arguments: tuple[str, ...]
    """What Python runs, for example `-m mayfly_storage`."""

    doors: tuple[str, ...]
    """Its ports, by their names in `Ports`."""

    prefix: str = "MAYFLY_NONE_"
    """Settings of this prefix in the caller's environment reach it; no other program's do."""

    settings: dict[str, str] = field(default_factory=dict)
    """Set on top: what makes it part of this set."""

    ready: tuple[Probe, ...] = ()
    """All of them must say yes."""

    @property
    def command(self) -> tuple[str, ...]:
        """The command line."""
        return (sys.executable, *self.arguments)

    def environment(self) -> dict[str, str]:
        """Its environment. Real AWS settings of whoever runs this reach nobody."""
        inherited = {
            name: value
            for name, value in os.environ.items()
            if name.startswith(self.prefix) or not name.startswith(("MAYFLY_", "AWS_"))
        }
        return {**inherited, "PYTHONUNBUFFERED": "1", **self.settings}


def moto(layout: Layout) -> Program:
    """An S3 and a DynamoDB of this machine, in memory."""
    port = layout.ports.moto
    return Program(
        name="moto",
        # moto's server, made safe for writers that race.
        arguments=("-m", "mayfly_storage.backends.aws.testing", "--port", str(port)),
        doors=("moto",),
        ready=(lambda: _listens(port),),
    )


def storage(layout: Layout, backend: Backend) -> Program:
    """storage, the only one that gets AWS settings. Links to S3 lead there; only its own files need an endpoint."""
    links = ("links",) if backend is Backend.EMBEDDED else ()
    return Program(
        name="storage",
        arguments=("-m", "mayfly_storage"),
        doors=("storage", "retention", *links),
        prefix="MAYFLY_STORAGE_",
        settings={
            "MAYFLY_STORAGE_LISTEN": layout.address("storage"),
            "MAYFLY_STORAGE_RETENTION_LISTEN": layout.address("retention"),
            "MAYFLY_STORAGE_LINKS_LISTEN": layout.address("links"),
            "MAYFLY_STORAGE_DATA_DIR": str(layout.data / "storage"),
            "MAYFLY_STORAGE_BACKEND": backend.value,
            **(_aws_settings(layout) if backend is Backend.AWS else {}),
        },
        ready=(
            lambda: _serves(layout, "storage"),
            lambda: _serves(layout, "retention"),
            lambda: not links or _listens(layout.ports.links),
        ),
    )


def synth(layout: Layout) -> Program:
    """synth, with the voice of the project."""
    return Program(
        name="synth",
        arguments=("-m", "mayfly_synth"),
        doors=("synth",),
        prefix="MAYFLY_SYNTH_",
        settings={
            "MAYFLY_SYNTH_LISTEN": layout.address("synth"),
            "MAYFLY_SYNTH_STORAGE_TARGET": layout.address("storage"),
            "MAYFLY_SYNTH_VOICES_DIR": os.environ.get("MAYFLY_SYNTH_VOICES_DIR", str(ROOT / "voices")),
        },
        ready=(lambda: _serves(layout, "synth"),),
    )


def sweeper(layout: Layout) -> Program:
    """The sweeper's server."""
    return Program(
        name="sweeper",
        arguments=("-m", "mayfly_sweeper", "serve"),
        doors=("sweeper",),
        prefix="MAYFLY_SWEEPER_",
        settings={
            "MAYFLY_SWEEPER_LISTEN": layout.address("sweeper"),
            "MAYFLY_SWEEPER_RETENTION_TARGET": layout.address("retention"),
        },
        ready=(lambda: _serves(layout, "sweeper"),),
    )


def gateway(layout: Layout, backend: Backend) -> Program:
    """The gateway, with its page. The secret of its links lies beside what storage keeps, so that they survive it."""
    links = layout.address("moto" if backend is Backend.AWS else "links")
    return Program(
        name="gateway",
        arguments=("-m", "mayfly_gateway"),
        doors=("gateway",),
        prefix="MAYFLY_GATEWAY_",
        settings={
            "MAYFLY_GATEWAY_LISTEN": layout.address("gateway"),
            "MAYFLY_GATEWAY_STORAGE_TARGET": layout.address("storage"),
            "MAYFLY_GATEWAY_SYNTH_TARGET": layout.address("synth"),
            "MAYFLY_GATEWAY_SWEEPER_TARGET": layout.address("sweeper"),
            "MAYFLY_GATEWAY_LINK_ORIGINS": f"http://{links}",
            "MAYFLY_GATEWAY_SECRET": _kept_secret(layout.data / "gateway.secret"),
            "MAYFLY_GATEWAY_OPERATORS_TOKEN": _kept_secret(layout.data / "operators.token"),
        },
        ready=(lambda: _listens(layout.ports.gateway),),
    )


def _kept_secret(path: Path) -> str:
    """What the file holds; it is made at the first start, for this user alone."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(secrets.token_hex(32), encoding="ascii")
    return path.read_text(encoding="ascii").strip()


def _aws_settings(layout: Layout) -> dict[str, str]:
    return {
        **MADE_UP_CREDENTIALS,
        "MAYFLY_STORAGE_ENDPOINT_URL": f"http://{layout.address('moto')}",
        "MAYFLY_STORAGE_CONDITIONAL_PUTS": "true",  # which is what moto does of what AWS does
        "MAYFLY_STORAGE_REGION": AWS_REGION,
        "MAYFLY_STORAGE_BUCKET": AWS_BUCKET,
        "MAYFLY_STORAGE_TABLE": AWS_TABLE,
        # What it keys lies in the emulator's memory, and ends with it.
        "MAYFLY_STORAGE_PRIVACY_SECRET": secrets.token_hex(32),
    }


def _serves(layout: Layout, door: str) -> bool:
    # The port first: gRPC backs off for a second after a refused connection.
    return _listens(getattr(layout.ports, door)) and ask(layout.address(door), timeout=_PROBE_TIMEOUT)[0]


def _listens(port: int) -> bool:
    try:
        with socket.create_connection((HOST, port), timeout=_PROBE_TIMEOUT.total_seconds()):
            return True
    except OSError:
        return False

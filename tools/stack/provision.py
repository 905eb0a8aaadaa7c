"""Bucket and table of the local emulator: storage's own command makes them, in storage's own environment."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Final

from tools.stack.layout import ROOT

if TYPE_CHECKING:
    from tools.stack.programs import Program

_TIMEOUT: Final = 60.0


class ProvisionError(Exception):
    """Bucket and table could not be made."""

    def __init__(self, output: str) -> None:
        super().__init__(f"Bucket and table could not be made:\n\n{output}")


def provision(storage: Program) -> None:
    """Make what storage expects to find.

    Raises:
        ProvisionError: With what the command said.
    """
    try:
        done = subprocess.run(
            [*storage.command, "provision"],
            cwd=ROOT,
            env=storage.environment(),
            capture_output=True,
            text=True,
            timeout=_TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ProvisionError(f"no end within {_TIMEOUT:.0f} s") from None
    if done.returncode:
        raise ProvisionError(done.stdout + done.stderr)

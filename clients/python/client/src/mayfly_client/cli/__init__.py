"""The `mayfly` command. It needs the `cli` extra; without it, it says so."""

from __future__ import annotations

import sys

# What the extra installs; anything else that is missing is a fault to be seen.
_EXTRA = frozenset({"typer", "rich"})


def main() -> None:
    """Run the command and exit: 0 all is well, 1 failed, 2 used wrongly, 3 done in part."""
    try:
        from mayfly_client.cli.app import app  # noqa: PLC0415 - typer and rich may not be installed
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _EXTRA:
            raise
        sys.exit(f"mayfly: the command needs {error.name}, which is not installed\n  pip install 'mayfly-client[cli]'")
    app(prog_name="mayfly")

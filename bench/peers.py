"""The environment of those that Mayfly is compared with: Piper's own HTTP server and wyoming-piper, as PyPI has them.

An environment of their own, under `.state/bench`, made at the first use: what they need is nothing that Mayfly is
developed or run with.
"""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path
from typing import Final

STATE: Final = Path(__file__).resolve().parent.parent / ".state/bench"
PEERS: Final = ("piper-tts[http]==1.8.0", "wyoming-piper==2.5.2", "wyoming==1.10.2")
TORCH: Final = ("torch==2.15.0", "onnx==1.23.2")


def environment(*, with_torch: bool = False) -> str:
    """The Python of the environment, with what is asked for in it."""
    python = STATE / "environment/bin/python"
    if not python.exists():
        venv.create(STATE / "environment", with_pip=True)
    wanted = PEERS + TORCH * with_torch
    stamp = STATE / f"environment/installed-{len(wanted)}"
    if not stamp.exists():
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *wanted]
        if subprocess.run(install, check=False).returncode:
            sys.exit(f"could not install {', '.join(wanted)}; the benchmark of the peers needs an index of packages")
        stamp.touch()
    return str(python)

"""The most memory that a process ever had."""

from __future__ import annotations

import re
from pathlib import Path


def peak_of(pid: int | str) -> float:
    """In MiB, by the system's own account; `self` is this process.

    Not by `getrusage`, whose maximum a child takes over from the process that forked it.
    """
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) / 1024

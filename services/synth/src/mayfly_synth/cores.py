"""How many cores this process may use, which in a container are fewer than the machine has."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Final

_ROOT: Final = Path("/")


def available_cores(*, root: Path = _ROOT, affinity: int | None = None) -> int:
    """The least of what the machine, the process's affinity and its control groups allow; at least 1.

    A share of a core counts as a whole one: with 1.5 cores, two workers get more done than one.

    Args:
        root: Where `/proc` and `/sys` are.
        affinity: Cores that the process may run on. Default: asks the system.
    """
    there = affinity or len(processors()) or os.cpu_count() or 1
    return max(1, min([there, *(math.ceil(quota) for quota in _quotas(root))]))


def processors() -> frozenset[int]:
    """Those that this process may run on, by the system's numbers; empty where the system has no such choice."""
    return frozenset(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else frozenset()


def _quotas(root: Path) -> list[float]:
    """The cores that each control group around this process allows, innermost first."""
    quotas: list[float] = []
    for controllers, _, group in (line.partition("::") for line in _lines(root / "proc/self/cgroup")):
        if controllers == "0":
            quotas += _second_version(root / "sys/fs/cgroup", Path(group))
    # The first version, as far as containers still use it: their own group is mounted as if it were the root.
    told = [_lines(root / f"sys/fs/cgroup/cpu/cpu.cfs_{name}_us") for name in ("quota", "period")]
    return quotas + (_cores_of(told[0][0], told[1][0]) if all(told) else [])


def _second_version(mount: Path, group: Path) -> list[float]:
    # In a container with a view of its own, the group is `/`, or names one that is not mounted here.
    folders = [mount.joinpath(*part.parts[1:]) for part in (group, *group.parents)]
    quotas: list[float] = []
    for folder in folders:
        if (lines := _lines(folder / "cpu.max")) and len(fields := lines[0].split()) == 2:
            quotas += _cores_of(*fields)
    return quotas


def _cores_of(quota: str, period: str) -> list[float]:
    """No bound is written as `max` or `-1`."""
    if not (quota.isdigit() and period.isdigit() and int(period)):
        return []
    return [int(quota) / int(period)]


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="ascii").splitlines()
    except (OSError, ValueError):
        return []

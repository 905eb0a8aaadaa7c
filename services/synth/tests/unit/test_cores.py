from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mayfly_synth.cores import available_cores, processors

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SECOND = {"proc/self/cgroup": "0::/kubepods/pod/container\n"}
GROUPS = "sys/fs/cgroup"


def cores(root: Path, files: Mapping[str, str], *, affinity: int = 8) -> int:
    """What is told where the system has these files."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="ascii")
    return available_cores(root=root, affinity=affinity)


def test_without_control_groups_all_processors_of_the_process_are_taken(tmp_path: Path) -> None:
    assert cores(tmp_path, {}) == 8
    assert available_cores(root=tmp_path) == len(processors())


@pytest.mark.parametrize(
    ("bound", "expected"),
    [("400000 100000", 4), ("150000 100000", 2), ("20000 100000", 1), ("max 100000", 8), ("1600000 100000", 8)],
)
def test_a_group_bounds_them_and_a_share_of_one_counts_as_one(tmp_path: Path, bound: str, expected: int) -> None:
    assert cores(tmp_path, {**SECOND, f"{GROUPS}/kubepods/pod/container/cpu.max": f"{bound}\n"}) == expected


def test_the_tightest_group_around_the_process_counts(tmp_path: Path) -> None:
    bounds = {"kubepods/pod/container": "max 100000", "kubepods/pod": "300000 100000", "kubepods": "600000 100000"}

    assert cores(tmp_path, {**SECOND, **{f"{GROUPS}/{group}/cpu.max": bound for group, bound in bounds.items()}}) == 3


@pytest.mark.parametrize("group", ["/", "/kubepods/pod/container"])
def test_a_container_that_sees_only_its_own_group_finds_it_at_the_root(tmp_path: Path, group: str) -> None:
    assert cores(tmp_path, {"proc/self/cgroup": f"0::{group}\n", f"{GROUPS}/cpu.max": "200000 100000\n"}) == 2


@pytest.mark.parametrize(("quota", "expected"), [("250000", 3), ("-1", 8)])
def test_the_first_version_is_understood(tmp_path: Path, quota: str, expected: int) -> None:
    files = {"proc/self/cgroup": "4:cpu,cpuacct:/docker/1\n", f"{GROUPS}/cpu/cpu.cfs_quota_us": f"{quota}\n"}

    assert cores(tmp_path, {**files, f"{GROUPS}/cpu/cpu.cfs_period_us": "100000\n"}) == expected


def test_what_cannot_be_understood_bounds_nothing(tmp_path: Path) -> None:
    assert cores(tmp_path, {**SECOND, f"{GROUPS}/kubepods/pod/container/cpu.max": "100000 0\n"}) == 8

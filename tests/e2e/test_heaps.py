"""However a service is started, its threads share a few heaps: one each came to more with every hour."""

from __future__ import annotations

import resource
import sys
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from mayfly_runtime.heaps import HEAPS

if TYPE_CHECKING:
    from tests.conftest import Stack

_WIDTH: Final = 64 << 20
"""Bytes of addresses that glibc reserves for a heap of threads: as much as is used, then what may not be touched."""


def heaps_of_threads(pid: int) -> int:
    """How many a process has beside the one of its main thread."""
    areas = [line.split() for line in Path(f"/proc/{pid}/maps").read_text().splitlines()]
    return sum(_is_heap(used, rest) for used, rest in pairwise(areas))


def full_areas(pid: int) -> int:
    """How many areas its memory can have filled: a heap that needs more than one goes on in another."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * resource.getpagesize() // _WIDTH


def _is_heap(used: list[str], rest: list[str]) -> bool:
    (start, middle), (begin, end) = _bounds(used[0]), _bounds(rest[0])
    is_one = middle == begin and (start % _WIDTH, end - start) == (0, _WIDTH)
    return is_one and (used[1], rest[1]) == ("rw-p", "---p")


def _bounds(area: str) -> tuple[int, int]:
    start, end = area.split("-")
    return int(start, 16), int(end, 16)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what a process has mapped")
async def test_the_threads_of_each_service_share_their_heaps(embedded: Stack) -> None:
    async with embedded.client() as client:  # so that all have worked
        await client.delete((await client.speak("Each of them has threads.")).name)

    heaps = {name: heaps_of_threads(pid) for name, pid in embedded.pids.items()}

    assert {"storage", "synth", "sweeper", "gateway"} <= heaps.keys()
    allowed = {name: HEAPS - 1 + full_areas(pid) for name, pid in embedded.pids.items()}
    assert {name: count for name, count in heaps.items() if count > allowed[name]} == {}

"""Threads share a few heaps, and do not have one each."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mayfly_runtime.heaps import HEAPS, release_free, share_heaps

if TYPE_CHECKING:
    from collections.abc import Callable

THREADS = 6
MIB = 1 << 20
PIECE = 64 << 10
"""Less than what glibc asks the system for by itself, and gives back at once."""

# A process of its own: what is set of a heap cannot be taken back.
PROGRAM = f"""
import ctypes, sys, threading
from mayfly_runtime.heaps import share_heaps

libc = ctypes.CDLL(None)
libc.fdopen.restype = libc.malloc.restype = ctypes.c_void_p
libc.malloc_info.argtypes = [ctypes.c_int, ctypes.c_void_p]
libc.fclose.argtypes = [ctypes.c_void_p]
if sys.argv[1] == "shared":
    share_heaps()
together = threading.Barrier({THREADS})

def allocate():
    libc.malloc(4096)
    together.wait()

threads = [threading.Thread(target=allocate) for _ in range({THREADS})]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
out = libc.fdopen(1, b"w")
libc.malloc_info(0, out)
libc.fclose(out)
"""


def resident() -> int:
    """Bytes of this process that are in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def heaps(how: str) -> int:
    """How many a process has whose threads have all allocated."""
    done = subprocess.run([sys.executable, "-c", PROGRAM, how], stdout=subprocess.PIPE, check=True, timeout=60)
    return done.stdout.count(b"<heap nr=")


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_info"), reason="only glibc has more heaps than one")
def test_threads_share_their_heaps() -> None:
    assert heaps("shared") == HEAPS
    assert heaps("as they come") > HEAPS


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="only glibc can give back")
def test_what_is_free_goes_back_to_the_system() -> None:
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    libc.free.argtypes = [ctypes.c_void_p]
    pieces = [libc.malloc(PIECE) for _ in range(64 * MIB // PIECE)]
    for piece in pieces:
        ctypes.memset(piece, 1, PIECE)
    # The last one stays, so the heap does not end where the free memory begins.
    for piece in pieces[:-1]:
        libc.free(ctypes.c_void_p(piece))
    before = resident()

    release_free()

    libc.free(ctypes.c_void_p(pieces[-1]))
    assert before - resident() > 48 * MIB


@pytest.mark.parametrize("ask", [share_heaps, release_free])
def test_another_library_is_left_alone(monkeypatch: pytest.MonkeyPatch, ask: Callable[[], None]) -> None:
    asked: list[object] = []
    monkeypatch.setattr(ctypes, "CDLL", lambda name: asked.append(name) or object())

    ask()

    assert asked == [None]

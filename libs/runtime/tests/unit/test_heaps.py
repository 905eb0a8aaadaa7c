"""Threads share a few heaps, and do not have one each."""

from __future__ import annotations

import ctypes
import subprocess
import sys

import pytest

from mayfly_runtime.heaps import HEAPS, share_heaps

THREADS = 6

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


def heaps(how: str) -> int:
    """How many a process has whose threads have all allocated."""
    done = subprocess.run([sys.executable, "-c", PROGRAM, how], stdout=subprocess.PIPE, check=True, timeout=60)
    return done.stdout.count(b"<heap nr=")


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_info"), reason="only glibc has more heaps than one")
def test_threads_share_their_heaps() -> None:
    assert heaps("shared") == HEAPS
    assert heaps("as they come") > HEAPS


def test_a_library_with_one_heap_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    monkeypatch.setattr(ctypes, "CDLL", lambda name: asked.append(name) or object())

    share_heaps()

    assert asked == [None]

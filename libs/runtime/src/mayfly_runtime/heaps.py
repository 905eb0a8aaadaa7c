"""The heaps of a process: how many its threads allocate from, and how to get back from them what is free.

glibc gives each thread a heap of its own, up to eight for each core. What a thread frees stays in its heap, for that
heap's threads alone, so each comes to the most that its own threads ever held at a time, one after the other and for
hours: a service that holds nothing more grows. Of two heaps, what one piece of work leaves the next can have.
"""

from __future__ import annotations

import ctypes
from typing import Final

HEAPS: Final = 2
"""One more than least, so that what needs no lock of Python, as SQLite and ONNX Runtime, seldom waits for a heap."""

_M_ARENA_MAX: Final = -8  # as malloc.h has it


def share_heaps() -> None:
    """Have all threads of this process share `HEAPS` heaps, where its C library is glibc; others have one anyway.

    For the start of a program, before it starts threads: a thread keeps the heap that it has. `MALLOC_ARENA_MAX`
    in the environment counts no more.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, HEAPS)


def release_free() -> None:
    """Give memory that is free back to the system, where the C library is glibc. Blocks for some milliseconds.

    For after work that needed much for a short time, as to load a voice does: by itself, glibc gives back only what is
    free at the end of a heap.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)

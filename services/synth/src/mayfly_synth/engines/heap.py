"""The heap, which keeps what was given back to it."""

from __future__ import annotations

import ctypes


def release_free() -> None:
    """Give memory that is free back to the system, where the C library can. Blocks for some milliseconds.

    For after work that needed much for a short time, as to load a voice does: glibc gives back by itself only what is
    free at the end of its heap.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)

"""What a voice needed while it was loaded does not stay."""

from __future__ import annotations

import ctypes
import tracemalloc
from pathlib import Path

import pytest

from mayfly_synth.engines.heap import release_free
from mayfly_synth.engines.sessions import open_session
from mayfly_synth.testing_voices import write_voice

MIB = 1 << 20
PIECE = 64 << 10
"""Less than what glibc asks the system for by itself, and gives back at once."""


def resident() -> int:
    """Bytes of this process that are in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


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


def test_a_library_that_cannot_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    monkeypatch.setattr(ctypes, "CDLL", lambda name: asked.append(name) or object())

    release_free()

    assert asked == [None]


@pytest.fixture(params=["shipped", "in parts"])
def model(request: pytest.FixtureRequest, voices_dir: Path, tmp_path: Path) -> Path:
    shipped = voices_dir / "en_US-mayfly-low.onnx"
    in_parts = request.param == "in parts"
    return write_voice(tmp_path, described_by=Path(f"{shipped}.json")) if in_parts else shipped


def test_a_session_keeps_no_bytes_of_its_file(model: Path) -> None:
    open_session(model)  # imports what it needs
    tracemalloc.start()
    try:
        session = open_session(model)
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert session.get_inputs()
    assert kept < model.stat().st_size / 4

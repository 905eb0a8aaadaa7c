"""What a voice needed while it was loaded is not kept."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest

from mayfly_synth.engines.sessions import open_session
from mayfly_synth.testing_voices import write_voice


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

"""Counting what is stored in steps, so that a large catalog holds up nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mayfly_storage.backends.embedded import statements
from mayfly_storage.backends.embedded.database import open_for_writing
from mayfly_storage.backends.embedded.measuring import measure
from mayfly_storage.domain.audio import State
from mayfly_storage.domain.ports import Footprint
from mayfly_storage.testing import an_audio

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """Ten rows; every other one is READY, and the third was removed again."""
    connection = open_for_writing(tmp_path / "catalog.sqlite3")
    audios = [an_audio(state=State.PENDING if number % 2 else State.READY, size_bytes=1) for number in range(10)]
    for audio in audios:
        statements.add_audio(connection, audio, None)
    statements.remove_audio(connection, audios[2].name)
    yield connection
    connection.close()


@pytest.mark.parametrize("step", [1, 2, 3, 9, 10])
def test_steps_of_any_length_count_every_row_once(catalog: sqlite3.Connection, step: int) -> None:
    total, after, steps = Footprint(), 0, 0
    while True:
        found, place = measure(catalog, after=after, step=step)
        total += found.get("temp-audio", Footprint())
        steps += 1
        if place is None:
            break
        after = place

    assert total == Footprint(objects=4, size_bytes=4)
    assert steps == 9 // step + 1

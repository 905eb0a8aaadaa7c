"""Listing by owner is led by an index, whatever else is asked for: its cost follows what is owned."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from mayfly_storage.backends.embedded import listing, statements
from mayfly_storage.backends.embedded.database import open_for_writing
from mayfly_storage.domain.ports import AudioFilter
from mayfly_storage.testing import DAWN, an_audio

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    opened = open_for_writing(tmp_path / "catalog.sqlite3")
    yield opened
    opened.close()


@pytest.mark.parametrize(
    "wanted",
    [
        AudioFilter(owner="user:anna"),
        AudioFilter(owner="user:anna", date="2026-01-15"),
        AudioFilter(owner="user:anna", collection="temp-audio"),
        AudioFilter(owner="user:anna", collection="temp-audio", session_id="s1", object_key_prefix="temp-audio/"),
        AudioFilter(owner="user:anna", date="2026-01-15", collection="temp-audio"),
    ],
    ids=str,
)
@pytest.mark.parametrize("analysed", [False, True])
def test_the_index_of_owners_is_used(connection: sqlite3.Connection, wanted: AudioFilter, analysed: bool) -> None:  # noqa: FBT001 - a case
    for number in range(200):
        owner = "user:anna" if number % 50 == 0 else "user:otto"
        audio = an_audio(create_time=DAWN - timedelta(days=number % 3), owner=owner, key_fields={"session_id": "s1"})
        statements.add_audio(connection, audio, None)
    if analysed:
        connection.execute("ANALYZE")
    asked: list[str] = []
    connection.set_trace_callback(asked.append)

    page = listing.list_audio(connection, wanted, limit=100, start=listing.Position.of_names(""))

    connection.set_trace_callback(None)
    plans = [step["detail"] for sql in asked for step in connection.execute(f"EXPLAIN QUERY PLAN {sql}")]
    assert page.items
    assert plans
    assert all("INDEX audio_by_owner (owner=?" in plan for plan in plans), plans
    assert not wanted.date or all("owner=? AND date=?" in plan for plan in plans), plans

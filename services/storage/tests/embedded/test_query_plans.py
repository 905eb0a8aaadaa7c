"""How SQLite goes about our statements: at a cost that follows what is asked for, not what is stored."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from mayfly_storage.backends.embedded import listing, statements
from mayfly_storage.backends.embedded.database import open_for_writing
from mayfly_storage.domain.ports import AudioFilter, Shard
from mayfly_storage.testing import DAWN, an_audio

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator
    from pathlib import Path

WHOLE = Shard(index=0, count=1)
SOME = 3_000


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(open_for_writing(tmp_path / "catalog.sqlite3")) as connection:
        yield connection


def steps(connection: sqlite3.Connection, ask: Callable[[sqlite3.Connection], Any]) -> int:
    """How much SQLite's machine had to do, in hundreds of its instructions."""
    done = 0

    def count() -> None:
        nonlocal done
        done += 1

    connection.set_progress_handler(count, 100)
    try:
        ask(connection)
    finally:
        connection.set_progress_handler(None, 0)
    return done


def fill(connection: sqlite3.Connection, *, due: int, kept: int) -> None:
    """So many rows that are due at dawn, and so many that are due a week later or never."""
    connection.execute("BEGIN")
    for number in range(due):
        statements.add_audio(connection, an_audio(), DAWN - timedelta(seconds=number))
    for number in range(kept):
        statements.add_audio(connection, an_audio(), None if number % 2 else DAWN + timedelta(days=7, seconds=number))
    connection.execute("COMMIT")


def list_due(connection: sqlite3.Connection) -> Any:
    start = listing.Position.of_due("")
    return listing.list_due(connection, DAWN, shard=WHOLE, limit=100, start=start)


def test_what_is_due_costs_what_is_due_and_not_what_is_kept(catalog: sqlite3.Connection) -> None:
    fill(catalog, due=10, kept=0)
    alone = steps(catalog, list_due)
    fill(catalog, due=0, kept=SOME)

    # SQLite counts its hundreds over all statements, so that the last one is full or not.
    assert steps(catalog, list_due) <= alone + 1
    assert len(list_due(catalog).items) == 10


def test_a_page_of_what_is_due_costs_a_page(catalog: sqlite3.Connection) -> None:
    fill(catalog, due=200, kept=0)
    few = steps(catalog, list_due)
    fill(catalog, due=SOME, kept=0)

    assert steps(catalog, list_due) <= few + 1


def test_names_are_looked_up_and_not_searched_for(catalog: sqlite3.Connection) -> None:
    wanted = [an_audio() for _ in range(50)]
    for audio in wanted:
        statements.add_audio(catalog, audio, None)
    names = [audio.name for audio in wanted]
    alone = steps(catalog, lambda connection: statements.find_audios(connection, names))
    fill(catalog, due=0, kept=SOME)

    assert steps(catalog, lambda connection: statements.find_audios(connection, names)) <= alone + 1
    assert statements.find_audios(catalog, names) == {audio.name: audio for audio in wanted}


@pytest.mark.parametrize(
    "wanted",
    [
        AudioFilter(owner="user:nobody"),
        AudioFilter(session_id="no-session"),
        AudioFilter(collection="pitches"),
        AudioFilter(date="2020-01-01"),
    ],
    ids=["owner", "session", "collection", "day"],
)
def test_a_listing_that_finds_nothing_looks_at_nothing(catalog: sqlite3.Connection, wanted: AudioFilter) -> None:
    start = listing.Position.of_names("")
    fill(catalog, due=0, kept=SOME)

    page = listing.list_audio(catalog, wanted, limit=100, start=start)

    assert page.items == ()
    assert steps(catalog, lambda connection: listing.list_audio(connection, wanted, limit=100, start=start)) <= 1

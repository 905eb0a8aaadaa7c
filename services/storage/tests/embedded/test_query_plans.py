"""How SQLite goes about our statements: at a cost that follows what is asked for, not what is stored."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from mayfly_storage.backends.embedded import listing, statements
from mayfly_storage.backends.embedded.database import open_for_writing
from mayfly_storage.domain.audio import State
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
        AudioFilter(session_id="no-session", ready=True),
        AudioFilter(collection="pitches", ready=True),
        AudioFilter(date="2020-01-01"),
        AudioFilter(date="2020-01-01", ready=True),
    ],
    ids=["owner", "session", "collection", "day", "day, ready"],
)
def test_a_listing_that_finds_nothing_looks_at_nothing(catalog: sqlite3.Connection, wanted: AudioFilter) -> None:
    start = listing.Position.of_names("")
    fill(catalog, due=0, kept=SOME)

    page = listing.list_audio(catalog, wanted, limit=100, start=start)

    assert page.items == ()
    assert steps(catalog, lambda connection: listing.list_audio(connection, wanted, limit=100, start=start)) <= 1


def list_ready(connection: sqlite3.Connection, wanted: AudioFilter, cursor: str = "") -> Any:
    start = listing.Position.of_names(cursor)
    return listing.list_audio(connection, replace(wanted, ready=True), limit=100, start=start)


@pytest.mark.parametrize("wanted", [AudioFilter(collection="pitches"), AudioFilter(session_id="s1")], ids=repr)
def test_what_is_deleted_and_not_yet_swept_costs_a_listing_nothing(
    catalog: sqlite3.Connection, wanted: AudioFilter
) -> None:
    facts: dict[str, Any] = {"collection": "pitches", "key_fields": {"session_id": "s1"}}
    for state in (State.READY, State.READY, State.PENDING):
        statements.add_audio(catalog, an_audio(state=state, **facts), None)
    alone = steps(catalog, lambda connection: list_ready(connection, wanted))
    for _ in range(300):
        audio = an_audio(state=State.READY, **facts)
        statements.add_audio(catalog, audio, None)
        statements.change_audio(catalog, replace(audio, state=State.DELETING, delete_time=DAWN), DAWN)

    assert steps(catalog, lambda connection: list_ready(connection, wanted)) <= alone + 1
    page = list_ready(catalog, wanted)
    assert ([audio.state for audio in page.items], page.cursor) == ([State.READY] * 2, "")


def multiply(connection: sqlite3.Connection, count: int, **facts: Any) -> None:
    """So many READY rows that differ in their names alone."""
    audio = an_audio(state=State.READY, **facts)
    statements.add_audio(connection, audio, None)
    names = [row["name"] for row in connection.execute("PRAGMA table_info(audio)")]
    values = ["audio_id || value" if name == "audio_id" else name for name in names]
    connection.execute(
        "WITH RECURSIVE number(value) AS (SELECT 2 UNION ALL SELECT value + 1 FROM number WHERE value < ?) "  # noqa: S608 - columns alone
        f"INSERT INTO audio ({', '.join(names)}) SELECT {', '.join(values)} FROM audio, number WHERE audio_id = ?",
        (count, audio.name.audio_id),
    )


@pytest.mark.parametrize(
    "wanted",
    [
        AudioFilter(object_key_prefix="elsewhere/"),
        AudioFilter(date="2026-01-15", object_key_prefix="elsewhere/"),
        AudioFilter(collection="temp-audio", object_key_prefix="elsewhere/"),
        AudioFilter(session_id="s1", object_key_prefix="elsewhere/"),
        AudioFilter(session_id="s1", collection="pitches"),
        AudioFilter(owner="user:anna", object_key_prefix="elsewhere/"),
        AudioFilter(owner="user:anna", collection="pitches"),
    ],
    ids=repr,
)
def test_no_page_looks_at_all_there_is_where_next_to_nothing_is_wanted(
    catalog: sqlite3.Connection, wanted: AudioFilter
) -> None:
    facts: dict[str, Any] = {"owner": "user:anna", "key_fields": {"session_id": "s1"}}
    multiply(catalog, 10_500, **facts)
    few = steps(catalog, lambda connection: list_ready(connection, wanted))
    multiply(catalog, 12_000, **facts)

    assert steps(catalog, lambda connection: list_ready(connection, wanted)) <= few * 1.01

"""System C's example: an app's row and its audio are there together, or neither is."""

from __future__ import annotations

import importlib.util
import sqlite3
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import httpx
import pytest

from mayfly_client import MayflyError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mayfly_client import Client
    from mayfly_client.testing import FakeMayfly

EXAMPLE = Path(__file__).resolve().parents[2] / "examples/speech_coach.py"
SOUND = b"recorded" * 100


@pytest.fixture
def mayfly(fake: FakeMayfly) -> Iterator[Client]:
    with fake.client() as client:
        yield client


@pytest.fixture
def coach(mayfly: Client, tmp_path: Path) -> Iterator[Any]:
    spec = importlib.util.spec_from_file_location("speech_coach_example", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look it up
    spec.loader.exec_module(module)
    opened = module.Coach.open(tmp_path / "coach.sqlite", mayfly)
    yield opened
    opened.database.close()


def rows(coach: Any) -> int:
    return int(coach.database.execute("SELECT count(*) FROM recordings").fetchone()[0])


def test_a_recording_is_kept_played_and_deleted_together(coach: Any, mayfly: Client) -> None:
    recording_id = coach.keep("u1", "Talk", SOUND)

    assert httpx.get(coach.link(recording_id), timeout=60).content == SOUND
    coach.delete(recording_id)
    assert coach.link(recording_id) is None
    assert (rows(coach), list(mayfly.list())) == (0, [])


def test_without_a_row_there_is_no_audio(coach: Any, mayfly: Client) -> None:
    coach.keep("u1", "Talk", SOUND)

    with pytest.raises(sqlite3.IntegrityError):
        coach.keep("u1", "Talk", SOUND)

    assert (rows(coach), len(list(mayfly.list()))) == (1, 1)


def test_without_audio_there_is_no_row(coach: Any, mayfly: Client, fake: FakeMayfly) -> None:
    fake.refuse("CommitUpload", grpc.StatusCode.FAILED_PRECONDITION, "UPLOAD_INCOMPLETE")

    with pytest.raises(MayflyError):
        coach.keep("u1", "Talk", SOUND)

    assert (rows(coach), list(mayfly.list())) == (0, [])


def test_a_database_that_fails_last_takes_the_audio_along(coach: Any, mayfly: Client, tmp_path: Path) -> None:
    coach.database.execute("PRAGMA busy_timeout = 0")
    reader = sqlite3.connect(tmp_path / "coach.sqlite", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM recordings").fetchone()  # who reads lets nobody commit

    with pytest.raises(sqlite3.OperationalError, match="locked"):
        coach.keep("u1", "Talk", SOUND)
    reader.close()

    assert (rows(coach), list(mayfly.list())) == (0, [])


def test_a_row_of_before_has_no_audio_and_that_is_no_error(coach: Any) -> None:
    with coach.database:
        coach.database.execute("INSERT INTO recordings (id, user_id, title) VALUES ('old', 'u1', 'Old')")

    assert coach.link("old") is None

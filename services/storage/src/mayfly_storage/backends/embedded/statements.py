"""What the catalog asks of the database. All of it runs on a connection's own thread, in others' transactions."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from mayfly_storage.backends.embedded.rows import changing_columns, from_row, key_of, to_micros, to_row
from mayfly_storage.domain.audio import AudioName
from mayfly_storage.domain.errors import ObjectKeyTakenError, RequestSeenError, StateChangedError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from mayfly_storage.domain.audio import Audio
    from mayfly_storage.domain.uploads import RequestRecord

_FORGET_AT_ONCE: Final = 8
"""More than one for each that is added, so that forgotten requests cannot pile up; few, so that nobody notices."""

_NEW_REQUEST: Final = """
INSERT INTO requests (caller, request_id, fingerprint, date, audio_id, forget_time)
VALUES (:caller, :request_id, :fingerprint, :date, :audio_id, :forget_time)
ON CONFLICT (caller, request_id) DO UPDATE
SET fingerprint = :fingerprint, date = :date, audio_id = :audio_id, forget_time = :forget_time
WHERE requests.forget_time <= :now
"""
_MOVED_REQUEST: Final = """
UPDATE requests
SET fingerprint = :fingerprint, date = :date, audio_id = :audio_id, forget_time = :forget_time
WHERE caller = :caller AND request_id = :request_id AND forget_time > :now
  AND date = :old_date AND audio_id = :old_audio_id
"""
_FORGET: Final = """
DELETE FROM requests WHERE (caller, request_id) IN (
  SELECT caller, request_id FROM requests WHERE forget_time <= ? LIMIT ?
)
"""


def add_request(
    connection: sqlite3.Connection, request: RequestRecord, *, replaces: AudioName | None, now: datetime
) -> None:
    """Add the record, or point it to its new audio. Raises RequestSeenError."""
    facts: dict[str, Any] = {
        "caller": request.caller,
        "request_id": request.request_id,
        "fingerprint": request.fingerprint,
        **key_of(request.name),
        "forget_time": to_micros(request.forget_time),
        "now": to_micros(now),
    }
    if replaces is None:
        done = connection.execute(_NEW_REQUEST, facts)
    else:
        done = connection.execute(
            _MOVED_REQUEST, facts | {"old_date": replaces.date, "old_audio_id": replaces.audio_id}
        )
    if done.rowcount != 1:
        raise RequestSeenError(f"request_id {request.request_id} of {request.caller} stands for another audio")


def forget_requests(connection: sqlite3.Connection, now: datetime) -> None:
    """Remove some of the records that nobody can find any more."""
    connection.execute(_FORGET, (to_micros(now), _FORGET_AT_ONCE))


def find_request(connection: sqlite3.Connection, caller: str, request_id: str, now: datetime) -> sqlite3.Row | None:
    """The record's row, unless it is forgotten."""
    found: sqlite3.Row | None = connection.execute(
        "SELECT * FROM requests WHERE caller = ? AND request_id = ? AND forget_time > ?",
        (caller, request_id, to_micros(now)),
    ).fetchone()
    return found


def add_audio(connection: sqlite3.Connection, audio: Audio, due: datetime | None) -> None:
    """Add the row. Raises StateChangedError if it exists."""
    row = to_row(audio, due)
    names = ", ".join(row)
    values = ", ".join(f":{name}" for name in row)
    # Only names of columns are put into the statement.
    statement = f"INSERT INTO audio ({names}) VALUES ({values}) ON CONFLICT DO NOTHING"  # noqa: S608
    if connection.execute(statement, row).rowcount != 1:
        raise StateChangedError(f"{audio.name} exists already")


def add_claim(connection: sqlite3.Connection, audio: Audio) -> None:
    """Claim the key. Raises ObjectKeyTakenError."""
    facts = {**key_of(audio.name), "object_key": audio.object_key}
    done = connection.execute(
        "INSERT INTO claims (object_key, date, audio_id) VALUES (:object_key, :date, :audio_id) ON CONFLICT DO NOTHING",
        facts,
    )
    if done.rowcount != 1:
        raise ObjectKeyTakenError(audio.object_key)


def find_claims(connection: sqlite3.Connection, object_keys: Iterable[str]) -> dict[str, AudioName]:
    """Who holds each key."""
    found: dict[str, AudioName] = {}
    for key in object_keys:
        row = connection.execute("SELECT date, audio_id FROM claims WHERE object_key = ?", (key,)).fetchone()
        if row is not None:
            found[key] = AudioName(row["date"], row["audio_id"])
    return found


def find_audio(connection: sqlite3.Connection, name: AudioName) -> Audio | None:
    """The row."""
    row = connection.execute("SELECT * FROM audio WHERE date = :date AND audio_id = :audio_id", key_of(name)).fetchone()
    return from_row(row) if row is not None else None


_FIND_MANY: Final = """
SELECT audio.* FROM json_each(?) AS name
CROSS JOIN audio ON audio.date = json_extract(name.value, '$[0]') AND audio.audio_id = json_extract(name.value, '$[1]')
"""
"""A CROSS JOIN keeps its order: for each name a look into the primary key, and never a walk through all rows."""


def find_audios(connection: sqlite3.Connection, names: Sequence[AudioName]) -> dict[AudioName, Audio]:
    """The rows that exist, many of them by one statement."""
    if len(names) == 1:
        audio = find_audio(connection, names[0])
        return {} if audio is None else {audio.name: audio}
    found = connection.execute(_FIND_MANY, (json.dumps(list(dict.fromkeys(names))),))
    return {audio.name: audio for audio in map(from_row, found)}


def change_audio(connection: sqlite3.Connection, audio: Audio, due: datetime | None) -> Audio:
    """Write the columns that a change of state touches; the caller has read the row in the same transaction."""
    changes: Mapping[str, Any] = changing_columns(audio, due)
    assignments = ", ".join(f"{name} = :{name}" for name in changes)
    # Only names of columns are put into the statement.
    statement = f"UPDATE audio SET {assignments} WHERE date = :date AND audio_id = :audio_id"  # noqa: S608
    connection.execute(statement, {**changes, **key_of(audio.name)})
    return audio


def remove_claim(connection: sqlite3.Connection, name: AudioName) -> None:
    """Give back the key that an audio holds, if it holds one."""
    connection.execute("DELETE FROM claims WHERE date = :date AND audio_id = :audio_id", key_of(name))


def remove_audio(connection: sqlite3.Connection, name: AudioName) -> None:
    """Remove the row, and its key claim with it."""
    connection.execute("DELETE FROM audio WHERE date = :date AND audio_id = :audio_id", key_of(name))

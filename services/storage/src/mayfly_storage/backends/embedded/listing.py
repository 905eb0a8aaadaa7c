"""Page by page through the rows: by name, and by due time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

from mayfly_storage.backends.embedded import cursors
from mayfly_storage.backends.embedded.rows import from_row, to_micros
from mayfly_storage.domain.ports import Page

if TYPE_CHECKING:
    import sqlite3
    from datetime import datetime

    from mayfly_storage.domain.audio import Audio
    from mayfly_storage.domain.ports import AudioFilter, Shard

_LOOK_AT: Final = 10_000
"""Most rows that a page looks at where no index leads to just the wanted ones, so that no read holds up the others."""

_NAMES, _DUE = "names", "due"


@dataclass(frozen=True, slots=True)
class Position:
    """Behind which row a page begins."""

    due_time: int
    date: str
    audio_id: str

    @classmethod
    def of_names(cls, cursor: str) -> Self:
        """Read a cursor of `list_audio`. Raises PageTokenInvalidError."""
        date, audio_id = cursors.decode(_NAMES, cursor, (str, str)) if cursor else ("", "")
        return cls(0, str(date), str(audio_id))

    @classmethod
    def of_due(cls, cursor: str) -> Self:
        """Read a cursor of `list_due`. Raises PageTokenInvalidError."""
        if not cursor:
            return cls(_BEFORE_ALL, "", "")
        due_time, date, audio_id = cursors.decode(_DUE, cursor, (int, str, str))
        return cls(int(due_time), str(date), str(audio_id))


_BEFORE_ALL: Final = -(2**63)


def list_audio(connection: sqlite3.Connection, wanted: AudioFilter, *, limit: int, start: Position) -> Page[Audio]:
    """One page by name."""
    if wanted.date and start.date < wanted.date:
        start = Position(0, wanted.date, "")
    facts: dict[str, Any] = {**_facts(wanted), "after": start.date, "after_id": start.audio_id, "limit": limit + 1}
    led, left = _conditions(wanted)
    end = _end_of_look(connection, led, facts) if left else None
    if end is not None:
        left.append(_BEFORE_IN_DAY if wanted.date else _BEFORE)
        facts |= {"end": end["date"], "end_id": end["audio_id"]}
    tests = " AND ".join(led + left)  # texts of this module alone
    statement = f"SELECT * FROM audio WHERE {tests} ORDER BY date, audio_id LIMIT :limit"  # noqa: S608 - so it is safe
    rows = connection.execute(statement, facts).fetchall()
    if len(rows) > limit:
        end, rows = rows[limit - 1], rows[:limit]
    cursor = cursors.encode(_NAMES, end["date"], end["audio_id"]) if end is not None else ""
    return Page(items=tuple(map(from_row, rows)), cursor=cursor)


_BEHIND: Final = "(date, audio_id) > (:after, :after_id)"
_BEFORE: Final = "(date, audio_id) <= (:end, :end_id)"
# Within a day said so that an index can begin and stop there.
_BEHIND_IN_DAY: Final = "audio_id > :after_id AND date = :after AND date = :date"
_BEFORE_IN_DAY: Final = "audio_id <= :end_id"
# The partial indexes are used only by statements that exclude what they exclude, in these words.
_LEADING: Final = {
    "owner": "owner = :owner AND owner <> ''",
    "session_id": "session_id = :session_id AND session_id <> '' AND state = 'READY'",
    "collection": "collection = :collection AND state = 'READY'",
}
"""What indexes lead by; the first that is asked for leads to the fewest rows."""
# `+` keeps SQLite from other indexes than the one that leads.
_TESTS: Final = {
    "session_id": "+session_id = :session_id",
    "collection": "+collection = :collection",
    "object_key_prefix": "substr(object_key, 1, length(:object_key_prefix)) = :object_key_prefix",
    "ready": "+state = 'READY'",
}


def _facts(wanted: AudioFilter) -> dict[str, str]:
    names = ("owner", "session_id", "collection", "object_key_prefix", "ready", "date")
    return {name: value for name in names if (value := getattr(wanted, name))}


def _conditions(wanted: AudioFilter) -> tuple[list[str], list[str]]:
    """What an index leads to, and what then is left to look for, row by row."""
    asked = _facts(wanted)
    led = [_BEHIND_IN_DAY if wanted.date else _BEHIND]
    leader = next((name for name in _LEADING if name in asked and (wanted.ready or name == "owner")), None)
    if leader is not None:
        led.append(_LEADING[leader])
    borne = {leader} if leader in {None, "owner"} else {leader, "ready"}
    return led, [_TESTS[name] for name in asked if name in _TESTS and name not in borne]


def _end_of_look(connection: sqlite3.Connection, led: list[str], facts: dict[str, Any]) -> sqlite3.Row | None:
    """The last row that this page looks at, if there are more behind it."""
    statement = (
        f"SELECT date, audio_id FROM audio WHERE {' AND '.join(led)} "  # noqa: S608 - the same
        "ORDER BY date, audio_id LIMIT 1 OFFSET :look_at"
    )
    end: sqlite3.Row | None = connection.execute(statement, {**facts, "look_at": _LOOK_AT - 1}).fetchone()
    return end


_SELECT_DUE: Final = """
SELECT * FROM audio
WHERE due_time <= :before AND (due_time, date, audio_id) > (:due_time, :date, :audio_id)
  AND share % :count = :index
ORDER BY due_time, date, audio_id LIMIT :limit
"""


def list_due(
    connection: sqlite3.Connection, before: datetime, *, shard: Shard, limit: int, start: Position
) -> Page[Audio]:
    """One page by due time."""
    facts = {
        "before": to_micros(before),
        "due_time": start.due_time,
        "date": start.date,
        "audio_id": start.audio_id,
        "count": shard.count,
        "index": shard.index,
        "limit": limit + 1,
    }
    rows = connection.execute(_SELECT_DUE, facts).fetchall()
    last = rows[limit - 1] if len(rows) > limit else None
    cursor = cursors.encode(_DUE, last["due_time"], last["date"], last["audio_id"]) if last else ""
    return Page(items=tuple(map(from_row, rows[:limit])), cursor=cursor)
